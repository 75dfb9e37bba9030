"""What may befall runs whose workers are flow runs on a pool: one body for every type of pool."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from rios_flows import applier, rioserrors
from rios_flows.structures import ConcurrencyStyle
from rios_flows.workers.remote import MOST_LOSSES
from tests.orchestration.served import Api, eventually
from tests.support.deaths import die_always
from tests.support.jobs import SmallJob
from tests.support.queue_runs import (
    check,
    check_nothing_is_left,
    meanwhile,
    nothing_counted,
    slow,
    untouched,
    wait_for_workers,
)


@dataclass
class Place:
    """A work pool that has a Prefect worker.

    Attributes
    ----------
    name : str
        What the names of runs begin with.
    kind : str
        Of compute workers there: a ``CW_*`` constant.
    extra : dict
        The extra parameters of a run there.
    kill : callable
        Kills what a flow run is running in, given the worker's process and its flow run.
    killed : str
        What the server is told of it then: a regular expression.
    ids : callable
        Returns what is running there of the runs of a test.
    """

    name: str
    kind: str
    extra: dict[str, Any]
    api: Api
    kill: Callable[[int, FlowRun], object]
    killed: str
    ids: Callable[[], list[Any]] = field(default=list)

    def job(self, folder: Path, name: str, **changes: Any) -> SmallJob:
        """Return a job with one worker there."""
        (folder / "temp").mkdir(exist_ok=True)
        extra = {**self.extra, **changes.pop("extra", {})}
        values = {"computeBufferPopTimeout": 60, **changes}
        if not values.get("singleBlockComputeWorkers"):
            values.setdefault("numComputeWorkers", 1)
        style = ConcurrencyStyle(
            computeWorkerKind=self.kind, computeWorkerExtraParams=extra, **values
        )
        job = SmallJob(folder, style)
        job.controls.setTempdir(str(folder / "temp"))
        job.controls.setBlockRetries(userFunction=0, io=0)
        job.controls.setJobName(f"{self.name}-{name}")
        return job

    def run(self, name: str) -> FlowRun:
        """Return the flow run of a job."""
        return self.api.flow_run(f"{self.name}-{name}")

    def workers(self, name: str) -> list[FlowRun]:
        """Return the flow runs of its workers, by their numbers."""
        return workers_of(self.api, f"{self.name}-{name}")


def workers_of(api: Api, name: str) -> list[FlowRun]:
    """Return the flow runs of a run's workers, by their numbers."""
    runs: list[FlowRun] = []
    while found := api.flow_runs(f"{name}-{len(runs)}"):
        runs += found
    return runs


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def knock(port: int) -> None:
    """Come to the run's port as somebody who does not know what that is."""
    with socket.create_connection(("127.0.0.1", port), 10) as stranger:
        stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
        stranger.settimeout(60)
        with suppress(ConnectionResetError):
            # no more than a word of TLS
            assert len(stranger.recv(100)) < 100


def check_loss(place: Place, client: SyncPrefectClient, folder: Path, **changes: Any) -> None:
    """Kill the worker's job while a stranger is about: it is replaced, and all pixels are right."""
    port = free_port()
    job = place.job(folder, "loss", extra={"ports": port}, **changes)

    def kill_it() -> None:
        ((worker, _),) = wait_for_workers(folder, 1)
        knock(port)
        (flow_run,) = place.workers("loss")
        place.kill(worker, flow_run)
        # it ends with that
        eventually(lambda: not psutil.pid_exists(worker), 30)

    with meanwhile(folder, kill_it):
        rtn = applier.apply(slow, job.infiles, job.outfiles, nothing_counted(folder), job.controls)
    check(job, rtn)
    run = place.run("loss")
    line = place.api.log_line(run.id, "^Lost at block row").message
    # a machine may be so busy that the server hears of it too late
    assert re.search(f"{place.killed}|its connection ended", line), line
    assert "Starting another" in line

    def are_over() -> bool:
        return all(
            each.state is not None and each.state.is_final() for each in place.workers("loss")
        )

    eventually(are_over)
    lost, other = place.workers("loss")
    for worker, state, end in ((lost, "Crashed", place.killed), (other, "Completed", "exit code")):
        assert worker.state is not None
        assert worker.state.name == state
        assert re.search(end, str(worker.state.message))
        # shown under the run
        assert place.api.parent(worker).flow_run_id == run.id
    assert str(lost.id) in line
    # that of the other went with it
    place.api.log_line(other.id, "^Worker 1 begins ")
    eventually(lambda: not place.ids(), 30)
    assert not secrets_left(client)


def check_poison(place: Place, folder: Path, losses: int = MOST_LOSSES) -> None:
    """Have a block kill all its workers: the error tells which, and what was there before stays."""
    job = place.job(folder, "poison")
    other = {"death": "SIGSEGV", "blocks": [], "sum": 0, "ballast": np.zeros(12)}
    with pytest.raises(rioserrors.WorkerLostError) as caught:
        applier.apply(die_always, job.infiles, job.outfiles, other, job.controls)
    last = place.workers("poison")[losses - 1]
    for text in (
        f"{losses} workers",
        "block row 1, column 2",
        "SIGSEGV",
        "in die_alw",
        str(last.id),
    ):
        assert text in str(caught.value), caught.value
    assert untouched(job)
    check_nothing_is_left(job)
    eventually(lambda: not place.ids(), 30)


def check_cancel(place: Place, folder: Path, seconds: float = 15) -> None:
    """Cancel a run: its workers are gone soon, and what was there before stays."""
    job = place.job(folder, "cancel")
    gone = []

    def cancel_it() -> None:
        ((worker, _),) = wait_for_workers(folder, 1)
        place.api.cancel(place.run("cancel"))
        end = time.monotonic() + seconds
        eventually(lambda: not psutil.pid_exists(worker), seconds)
        eventually(lambda: not place.ids(), end - time.monotonic())
        gone.append(worker)

    with (
        pytest.raises(rioserrors.ProcessCancelledError, match="was cancelled"),
        meanwhile(folder, cancel_it),
    ):
        applier.apply(slow, job.infiles, job.outfiles, nothing_counted(folder), job.controls)
    assert gone, "not within the time"
    assert place.run("cancel").state_name == "Cancelled"
    (worker,) = place.workers("cancel")
    assert worker.state is not None
    assert worker.state.is_final()
    assert untouched(job)
    check_nothing_is_left(job)


def secrets_left(client: SyncPrefectClient) -> list[str]:
    found = client.read_block_documents_by_type("secret")
    names = [str(each.name) for each in found]
    return [name for name in names if name.startswith("rios-workers-")]
