"""A Prefect server for tests, and what it knows of a run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterName,
    LogFilter,
    LogFilterFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun, Log, TaskRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.states import Cancelling

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


def plain_environment(home: Path) -> dict[str, str]:
    """Return an environment in which nothing of Prefect is set but its home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    return {
        **kept,
        "PREFECT_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def share() -> float:
    """Return how many processes want each processor, at least one: a promise takes so much longer.

    The average of the last minute, as the system has it.
    """
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def eventually(look: Callable[[], T | None], seconds: float = 90.0) -> T:
    """Return what ``look`` finds, as soon as it finds something true.

    On a machine that does nothing else it may take so many seconds, else as much longer.
    """
    began, most, pause = time.monotonic(), 1.0, 0.05
    while not (found := look()):
        # also if others have come meanwhile, or have gone
        most = max(most, share())
        assert time.monotonic() < began + seconds * most, (
            f"not within {seconds} s, {most:.1f} times that on this machine: {found!r}"
        )
        time.sleep(pause)
        # most looks are questions, which take time from what is waited for
        pause = min(1.2 * pause, 0.4)
    return found


class Server:
    """A full Prefect server on loopback, with a database of its own.

    It may begin with a copy of ``database``, serve no pages, and have other ``settings``
    (environment variables).
    """

    def __init__(
        self,
        home: Path,
        database: Path | None = None,
        settings: dict[str, str] | None = None,
        *,
        pages: bool = True,
    ) -> None:
        self.home, self._settings, self._pages = home, settings or {}, pages
        self._new = database is None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.log = home / "server.log"
        #: As the server begins with it: to make one takes longer than to start a server with one.
        self.new_database = database or home / "new.db"
        if database is not None:
            shutil.copyfile(database, home / "prefect.db")
        self.start()
        if database is None and (home / "prefect.db").exists():
            with (
                closing(sqlite3.connect(home / "prefect.db")) as used,
                closing(sqlite3.connect(self.new_database)) as copy,
            ):
                used.backup(copy)

    def start(self) -> None:
        """Start it, or start it again after :meth:`stop`, with the same port and database."""
        server_environment = {
            **plain_environment(self.home),
            "PREFECT_UI_ENABLED": str(self._pages).lower(),
            "PREFECT_UI_API_URL": self.url,
            # not beside the package, where two servers would write at once
            "PREFECT_UI_STATIC_DIRECTORY": str(self.home / "pages"),
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            # a database that is given has them; to find them, all that has some is imported
            "PREFECT_API_BLOCKS_REGISTER_ON_START": str(self._new).lower(),
            **self._settings,
        }
        arguments = ["--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", *arguments, "--port", str(self.port)],
                env=server_environment,
                stdout=log,
                stderr=log,
            )
        eventually(self._answers, 120)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def environment(self) -> dict[str, str]:
        """Return what a process needs to use this server."""
        return {**plain_environment(self.home), "PREFECT_API_URL": self.url}

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running_worker(
    pool: str, environment: dict[str, str], folder: Path, *options: str
) -> Iterator[None]:
    """Run a worker for a work pool, which asks for work more often than its users need."""
    log = folder / "worker.log"
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, *options],
            env={**environment, "PREFECT_WORKER_QUERY_SECONDS": "1"},
            cwd=folder,
            stdout=stream,
            stderr=stream,
        ) as process,
    ):
        try:
            yield
            assert process.poll() is None, log.read_text()
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


class Api:
    """What the server knows, asked by the name of a run; of a test's runs, not of its first try."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self._client = client
        self._begun = datetime.now(UTC)

    def flow_runs(self, name: str) -> list[FlowRun]:
        wanted = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
        found = self._client.read_flow_runs(flow_run_filter=wanted)
        return [run for run in found if run.created is None or run.created >= self._begun]

    def deployment(self, name: str) -> DeploymentResponse:
        return self._client.read_deployment_by_name(name)

    def deployed_runs(self, name: str) -> list[FlowRun]:
        return self.runs_of(self.deployment(name).id)

    def runs_of(self, deployment: UUID) -> list[FlowRun]:
        wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
        return self._client.read_flow_runs(deployment_filter=wanted)

    def start(
        self, deployment: str, parameters: dict[str, Any], env: dict[str, str] | None = None
    ) -> FlowRun:
        identity, variables = self.deployment(deployment).id, {"env": env} if env else {}
        return self._client.create_flow_run_from_deployment(
            identity, parameters=parameters, job_variables=variables
        )

    def cancel(self, run: FlowRun) -> None:
        self._client.set_flow_run_state(run.id, Cancelling())

    def flow_run(self, name: str) -> FlowRun:
        runs = self.flow_runs(name)
        assert runs, f"there is no flow run named {name!r}"
        assert len(runs) == 1, f"several tests have named a flow run {name!r}: one server has all"
        return runs[0]

    def flow_name(self, run: FlowRun) -> str:
        return self._client.read_flow(run.flow_id).name

    def parent(self, run: FlowRun) -> TaskRun:
        """Return the task run that stands for a subflow in its parent flow."""
        assert run.parent_task_run_id is not None
        return self._client.read_task_run(run.parent_task_run_id)

    def task_runs(self, flow_run_id: UUID, count: int) -> dict[str, TaskRun]:
        """Return task runs by name, once all are final: the server learns of them by events."""

        def final() -> list[TaskRun] | None:
            runs = self.all_task_runs(flow_run_id)
            done = [run for run in runs if run.state is not None and run.state.is_final()]
            return done if len(done) >= count else None

        runs = eventually(final)
        assert len(runs) == count
        return {run.name: run for run in runs}

    def all_task_runs(self, flow_run_id: UUID) -> list[TaskRun]:
        wanted = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[flow_run_id]))
        return self._client.read_task_runs(task_run_filter=wanted)

    def artifacts(self, flow_run_id: UUID) -> dict[str, Artifact]:
        """Return artifacts by the last part of their keys."""
        found = self.all_artifacts(flow_run_id)
        return {str(artifact.key).rpartition("-")[2]: artifact for artifact in found}

    def all_artifacts(self, flow_run_id: UUID) -> list[Artifact]:
        """Return artifacts, those with equal keys too."""
        wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
        return self._client.read_artifacts(artifact_filter=wanted)

    def progress(self, flow_run_id: UUID) -> float:
        """Return the percent shown; 0 where nothing is shown yet."""
        shown = self.artifacts(flow_run_id).get("progress")
        return float(str(shown.data)) if shown else 0.0

    def log_line(self, flow_run_id: UUID, pattern: str, seconds: float = 90.0) -> Log:
        """Return a line of the flow run's log or its task runs', once it is there."""

        def line() -> Log | None:
            wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run_id]))
            logs = self._client.read_logs(wanted, limit=200)
            return next((log for log in logs if re.search(pattern, log.message)), None)

        return eventually(line, seconds)


def run_python(
    code: str, environment: dict[str, str], folder: Path, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    script = folder / "script.py"
    script.write_text(code)
    return subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def prefect(server: Server, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        env=server.environment(),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def jsonable(value: Any) -> bool:
    """Tell whether a value is made of plain values only."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and jsonable(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(jsonable, value))
    return value is None or isinstance(value, str | int | float | bool)
