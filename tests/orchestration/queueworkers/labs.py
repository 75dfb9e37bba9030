"""A worker of a queue in a thread of the test, with a pool and a deployment for it."""

from __future__ import annotations

import asyncio
import gc
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_WORKER_QUERY_SECONDS, temporary_settings

from rios_flows.orchestration.flow import apply_flow
from rios_flows.orchestration.queueworkers.worker import QueueWorker
from tests.orchestration.served import ROOT, Api, eventually
from tests.support.rasters import coordinates, read_raster, write_raster

#: What a job does in place of a flow run where that does not matter.
SLEEP = "sh -c 'echo its last words; exec sleep 100'"
STUBBORN = "sh -c 'trap : TERM; while :; do sleep 1; done'"


@dataclass
class Lab:
    """A queue with a work pool on a server.

    Attributes
    ----------
    kind : str
        The worker type, which the names of all else have in them.
    ids : callable
        Returns the ids of the jobs in the queue.
    kill : callable
        Cancels a job by its id.
    told : callable
        Returns all that others may see of a job, by its id.
    endless, refused : dict
        Job variables with which a job never starts, and with which it is refused.
    words : str
        What the queue says then.
    tidies : float
        How much longer a job may be in the queue whose processes have been killed (s).
    """

    kind: str
    worker: type[QueueWorker]
    api: Api
    folder: Path
    ids: Callable[[], list[str]]
    kill: Callable[[str], object]
    told: Callable[[str], str]
    endless: dict[str, Any]
    refused: dict[str, Any]
    words: str
    variables: dict[str, Any] = field(default_factory=dict)
    tidies: float = 0.0

    def pool(self, name: str, limit: int | None = None) -> str:
        """Make a work pool, and return its name."""
        pool = f"{self.kind} {name}"
        template = self.worker.get_default_base_job_template()
        with get_client(sync_client=True) as client:
            client.create_work_pool(
                WorkPoolCreate(
                    name=pool,
                    type=self.kind,
                    base_job_template=template,
                    concurrency_limit=limit,
                ),
                # it may be there from a first try
                overwrite=True,
            )
        return pool

    def run(self, pool: str, parameters: dict[str, Any] | None = None, **variables: Any) -> FlowRun:
        """Have the deployed flow run in a pool."""
        given = {**self.variables, **variables}
        given["env"] = {"PYTHONPATH": str(ROOT), **given.get("env", {})}
        with get_client(sync_client=True) as client:
            deployment = client.create_deployment(
                client.create_flow(apply_flow),
                f"in {pool}",
                entrypoint="rios_flows.orchestration.flow.apply_flow",
                pull_steps=[],
                work_pool_name=pool,
                job_variables=given,
            )
            return client.create_flow_run_from_deployment(
                deployment, parameters=parameters or {"function": "no.matter:what"}
            )

    @contextmanager
    def working(self, pool: str, **options: Any) -> Iterator[None]:
        """Have a worker at work."""
        with temporary_settings({PREFECT_WORKER_QUERY_SECONDS: 0.5}):
            thread = WorkerThread(self.worker(pool, **options))
        try:
            yield
        finally:
            thread.stop()

    def state(self, run: FlowRun, *names: str, seconds: float = 150) -> FlowRun:
        """Wait until a flow run has a state, and return it as it is then."""

        def found() -> FlowRun | None:
            now = self.now(run.id)
            return now if now.state_name in names else None

        try:
            return eventually(found, seconds)
        except AssertionError as error:
            raise AssertionError(self.now(run.id).state, self.ids()) from error

    def now(self, run: UUID) -> FlowRun:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(run)

    def job(self, run: FlowRun) -> str:
        """Return the id of the job of a flow run, once that is known."""
        pid = eventually(lambda: self.now(run.id).infrastructure_pid)
        kind, _, job = pid.partition(":")
        assert kind == self.kind
        return job

    def is_gone(self, job: str, seconds: float) -> None:
        eventually(lambda: job not in self.ids(), seconds)


class WorkerThread:
    """A worker, started by a thread; the stopping ends it as Ctrl-C does."""

    def __init__(self, worker: QueueWorker) -> None:
        self._worker, self._ready = worker, Event()
        self._error: BaseException | None = None
        self._thread = Thread(target=copy_context().run, args=(asyncio.run, self._work()))
        self._thread.start()
        self._ready.wait(60)
        assert self._error is None

    async def _work(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            await self._worker.start(printer=lambda *_: self._ready.set())
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    def stop(self) -> None:
        task = self._task
        assert task is not None
        self._loop.call_soon_threadsafe(task.cancel)
        self._thread.join(30)
        assert not self._thread.is_alive()
        # Prefect leaves connections of a worker that is cancelled to the collector
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        assert self._error is None, self._error


class Doubled:
    """The parameters of a job that doubles a raster by one of the functions below."""

    def __init__(self, folder: Path, function: str, block: int = 64) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.pixels = coordinates(1, 64, 64, "int32")
        self.output = folder / "out.tif"
        self.parameters = {
            "function": f"{__name__}:{function}",
            "infiles": {"image": str(write_raster(folder / "in.tif", self.pixels))},
            "outfiles": {"result": str(self.output)},
            "controls": {"windowxsize": block, "windowysize": block},
        }

    def has_begun(self) -> bool:
        return (self.folder / "here").exists()

    def go(self) -> None:
        (self.folder / "go").touch()

    def is_done(self) -> bool:
        return bool((read_raster(self.output) == self.pixels * 2).all())


def when_told(info: Any, inputs: Any, outputs: Any) -> None:
    """Say that the block has begun, and wait for a file."""
    folder = Path(info.getFilenameFor(inputs.image)).parent
    (folder / "here").touch()
    end = time.monotonic() + 100
    while not (folder / "go").exists() and time.monotonic() < end:
        time.sleep(0.05)
    outputs.result = inputs.image * 2


def slowly(info: Any, inputs: Any, outputs: Any) -> None:
    """Say that a block has begun, and take a while."""
    (Path(info.getFilenameFor(inputs.image)).parent / "here").touch()
    time.sleep(0.5)
    outputs.result = inputs.image * 2


def without_luck(info: Any, inputs: Any, outputs: Any) -> None:
    raise ValueError("no such luck")
