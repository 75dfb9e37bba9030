"""Flow runs of workers, as the server sees them; nothing runs but where a test says so."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import FlowRun, State, WorkPool
from prefect.states import (
    Cancelled,
    Cancelling,
    Completed,
    Crashed,
    Failed,
    Pending,
    Running,
    Suspended,
)

from rios_flows.basics.naming import ADDRESS_VARIABLE
from rios_flows.orchestration.pools import leftovers, tickets
from rios_flows.orchestration.pools.launcher import PoolLauncher
from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.undertaker import Undertaker
from tests.orchestration.pools.bodies import secrets_left
from tests.orchestration.pools.conftest import MakePool
from tests.orchestration.served import ROOT, Server, eventually
from tests.support.queues import order

pytestmark = pytest.mark.prefect

ADDRESS = "node1,30000,not-for-others"


@pytest.fixture
def pool(make_pool: MakePool) -> WorkPool:
    return make_pool()


@pytest.fixture
def launcher(
    parent: FlowRun, pool: WorkPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PoolLauncher]:
    # nobody ends what a test pretends to be running
    monkeypatch.setattr("rios_flows.orchestration.pools.launcher._LEAVING", 1)
    extra = {"workPool": pool.name, "jobVariables": {"env": {"COLOUR": "red"}}}
    told = order(tmp_path / "run", "", extra=extra, environment={ADDRESS_VARIABLE: ADDRESS})
    undertaker = Undertaker()
    made = PoolLauncher(parent.id, pool, told, undertaker)
    yield made
    made.close()
    undertaker.close()


def run_of(client: SyncPrefectClient, launcher: PoolLauncher, number: int) -> FlowRun:
    (job,) = [job for job in launcher.jobs() if job.number == number]
    return client.read_flow_run(UUID(job.id))


def test_what_the_server_is_told(
    launcher: PoolLauncher, client: SyncPrefectClient, parent: FlowRun, pool: WorkPool
) -> None:
    launcher.start([0, 1])
    first, second = (run_of(client, launcher, number) for number in (0, 1))
    assert (first.name, second.name) == ("demo-0", "demo-1")
    assert first.work_pool_name == pool.name
    assert first.deployment_id is None
    assert client.read_flow(first.flow_id).name == "rios-compute-worker"
    # shown under the run
    assert first.parent_task_run_id is not None
    assert client.read_task_run(first.parent_task_run_id).flow_run_id == parent.id
    # the Python of the order: on the machines of such a pool it is the same
    variables = {"env": {"COLOUR": "red"}, "command": "sh -m rios_flows.orchestration.pools"}
    assert first.job_variables == variables
    told = f"{first.model_dump_json()}{second.model_dump_json()}"
    assert "not-for-others" not in told
    # each has a ticket of its own, which can be taken once
    names = [str(run.parameters["ticket"]) for run in (first, second)]
    assert sorted(secrets_left(client)) == sorted(names)
    assert tickets.take(client, names[0]) == ADDRESS
    with pytest.raises(JobMgrError, match="not on the server any more"):
        tickets.take(client, names[0])
    launcher.close()
    assert not secrets_left(client)
    state = client.read_flow_run(first.id).state
    assert state is not None
    assert state.is_cancelled()


CRASH = "Process exited with status code: 1. Some words."


#: What becomes of flow runs, and how a run is told of that.
STATES: list[tuple[State[Any], str, str]] = [
    (Pending(), "pending", "Pending"),
    (Running(), "running", ""),
    # somebody has paused it: Prefect knows no more than that
    (Suspended(timeout_seconds=99), "pending", "Suspended"),
    (Completed(message="exit code 0"), "ended", "exit code 0"),
    (Failed(message="killed by SIGKILL"), "ended", "killed by SIGKILL"),
    (Crashed(message="Out of memory"), "ended", "Crashed: Out of memory"),
    (Crashed(message=CRASH), "ended", f"exit code 1 (Crashed: {CRASH})"),
    (Cancelled(message="By hand"), "ended", "Cancelled: By hand"),
    (Cancelling(), "ended", "Cancelling"),
]


def test_states_are_the_truth_about_jobs(launcher: PoolLauncher, client: SyncPrefectClient) -> None:
    launcher.start(range(len(STATES)))
    for job, (state, *_) in zip(launcher.jobs(), STATES, strict=True):
        # the server does not let a run be ended that has not begun
        for each in (Running(), state):
            client.set_flow_run_state(UUID(job.id), each, force=True)
    told = [(job.state, job.reason) for job in launcher.jobs()]
    assert told == [(seen, reason) for _, seen, reason in STATES]


def test_why_workers_wait(
    launcher: PoolLauncher, client: SyncPrefectClient, pool: WorkPool
) -> None:
    launcher.start([0, 1])
    wait = "waits for a Prefect worker of the work pool to take it"
    assert [job.reason for job in launcher.jobs()] == [wait] * 2
    client.update_work_pool(pool.name, WorkPoolUpdate(concurrency_limit=1))
    # the first has the slot
    client.set_flow_run_state(run_of(client, launcher, 0).id, Pending())
    full = "waits for a free slot of the work pool, whose concurrency limit is 1; 1 are taken"
    assert [job.reason for job in launcher.jobs()] == ["Pending", full]
    client.update_work_pool(pool.name, WorkPoolUpdate(is_paused=True))
    assert launcher.jobs()[1].reason == "the work pool starts no worker: it is paused"


def test_stopped_ones(launcher: PoolLauncher, client: SyncPrefectClient) -> None:
    launcher.start([0, 1])
    running = run_of(client, launcher, 1)
    client.set_flow_run_state(running.id, Running(), force=True)
    launcher.stop([0, 1])
    first, second = launcher.jobs()
    assert (first.state, first.reason[:21]) == ("ended", "cancelled by this run")
    # whoever runs it is to see to it
    assert second.state == "pending"
    state = client.read_flow_run(running.id).state
    assert state is not None
    assert state.is_cancelling()
    client.set_flow_run_state(running.id, Cancelled(message="done"), force=True)
    assert launcher.jobs()[1].reason == "cancelled by this run (Cancelled: done)"


def refuse(monkeypatch: pytest.MonkeyPatch, launcher: PoolLauncher, times: int) -> list[UUID]:
    """Have the server take no state of a flow run so often; return the flow runs that were told."""
    told: list[UUID] = []
    really = launcher._client.set_flow_run_state

    def set_state(run: UUID, *args: Any, **options: Any) -> Any:
        told.append(run)
        if len(told) <= times:
            raise RuntimeError("the database is locked")
        return really(run, *args, **options)

    monkeypatch.setattr(launcher._client, "set_flow_run_state", set_state)
    return told


def test_a_refused_cancel_is_tried_again(
    launcher: PoolLauncher, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher.start([0, 1])
    running = run_of(client, launcher, 0)
    client.set_flow_run_state(running.id, Running(), force=True)
    told = refuse(monkeypatch, launcher, 3)
    launcher.stop([0])
    for _ in range(3):
        # as whoever watches the jobs does
        jobs = launcher.jobs()
        assert (jobs[0].state, jobs[1].state) == ("running", "pending")
    assert told == [running.id] * 4
    # not once more
    launcher.jobs()
    assert told == [running.id] * 4
    state = client.read_flow_run(running.id).state
    assert state is not None
    assert state.is_cancelling()


def test_what_may_be_left_is_told(
    launcher: PoolLauncher,
    client: SyncPrefectClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    launcher.start([0])
    (job,) = launcher.jobs()
    refuse(monkeypatch, launcher, 1000)
    launcher.close()
    (line,) = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert "was not told that the workers of this run" in line
    assert "the database is locked" in line
    assert line.endswith(f"(prefect flow-run cancel ID): {job.title}")
    leftovers.end(client, launcher._token, "Enough")


def test_the_last_word_is_tried_again(
    launcher: PoolLauncher,
    client: SyncPrefectClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    launcher.start([0])
    run = run_of(client, launcher, 0)
    client.set_flow_run_state(run.id, Running(), force=True)
    client.set_flow_run_state(run.id, Cancelling(), force=True)
    launcher._jobs.clear()
    refuse(monkeypatch, launcher, 2)
    launcher.close()
    assert client.read_flow_run(run.id).state_name == "Cancelled"
    assert not [each for each in caplog.records if each.levelname == "WARNING"]


def test_one_that_is_on_its_way_home(launcher: PoolLauncher, client: SyncPrefectClient) -> None:
    launcher.start([0])
    run = run_of(client, launcher, 0)
    client.set_flow_run_state(run.id, Running(), force=True)
    launcher.jobs()
    home = Timer(0.05, client.set_flow_run_state, (run.id, Completed()), {"force": True})
    home.start()
    launcher.close()
    home.join()
    assert client.read_flow_run(run.id).state_name == "Completed"


def test_one_that_was_deleted(launcher: PoolLauncher, client: SyncPrefectClient) -> None:
    launcher.start([0])
    client.delete_flow_run(run_of(client, launcher, 0).id)
    assert launcher.jobs()[0].reason == "its flow run was deleted"


def test_what_was_cancelled_is_not_cancelled_again(
    launcher: PoolLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher.start([0])
    told = []
    monkeypatch.setattr(
        SyncPrefectClient, "set_flow_run_state", lambda _, run, state: told.append(state.name)
    )
    launcher.stop([0])
    launcher.stop([0])
    assert told == ["Cancelling"]
    monkeypatch.undo()


def test_a_server_that_tells_of_few_at_a_time(
    launcher: PoolLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher.start([0, 1, 2])
    whole = SyncPrefectClient.read_flow_runs

    def some(self: SyncPrefectClient, **wanted: Any) -> list[FlowRun]:
        # PREFECT_SERVER_API_DEFAULT_LIMIT may be less than its default
        return whole(self, **{**wanted, "limit": 1})

    monkeypatch.setattr(SyncPrefectClient, "read_flow_runs", some)
    assert {job.state for job in launcher.jobs()} == {"pending"}


def test_a_pool_that_is_deleted_meanwhile(
    launcher: PoolLauncher, client: SyncPrefectClient, make_pool: MakePool
) -> None:
    gone = make_pool()
    launcher._pool = gone
    launcher.start([0, 1])
    client.set_flow_run_state(run_of(client, launcher, 1).id, Running(), force=True)
    client.delete_work_pool(gone.name)
    first, second = launcher.jobs()
    # nobody would ever take it
    told = ("ended", "cannot start: its work pool was deleted")
    assert (first.state, first.reason) == told
    assert second.state == "running"
    # the server is not left with it
    run = client.read_flow_run(UUID(first.id))
    launcher.close()
    assert client.read_flow_run(run.id).state_name == "Cancelled"


def test_a_pool_that_has_gone(
    launcher: PoolLauncher, client: SyncPrefectClient, make_pool: MakePool, pool: WorkPool
) -> None:
    client.update_work_pool(pool.name, WorkPoolUpdate(is_paused=True))
    launcher._pool = pool.model_copy(update={"name": "gone"})
    with pytest.raises(JobMgrError, match=r"does not take .* 'gone': the work pool was deleted"):
        launcher.start([0])


def test_a_run_that_is_killed_leaves_nothing(
    server: Server, client: SyncPrefectClient, parent: FlowRun, pool: WorkPool, tmp_path: Path
) -> None:
    code = (
        "import sys, time\n"
        "from tests.orchestration.pools.test_launcher import started\n"
        f"launcher = started({str(parent.id)!r}, {pool.name!r}, {str(tmp_path)!r})\n"
        "print(launcher._token, flush=True)\n"
        "time.sleep(100)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env=server.environment(), cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        token = process.stdout.readline().decode().strip()
        assert len(leftovers.living(client, token)) == 2
        assert secrets_left(client)
        process.send_signal(signal.SIGKILL)
    eventually(lambda: not leftovers.living(client, token), 60)
    eventually(lambda: not secrets_left(client), 10)


@pytest.mark.usefixtures("client")
def test_a_server_that_is_away_when_a_run_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def end(client: SyncPrefectClient, token: str, message: str) -> None:
        told.append(token)
        if len(told) % 4:
            raise httpx.ConnectError("nobody is there")

    monkeypatch.setattr(leftovers, "end", end)
    monkeypatch.setattr(leftovers, "_PAUSE", 0)
    leftovers.main("a-run")
    assert told == ["a-run"] * 4
    monkeypatch.setattr(leftovers, "_TRIES", 3)
    with pytest.raises(httpx.ConnectError):
        leftovers.main("a-run")


def started(parent: str, pool: str, folder: str) -> PoolLauncher:
    """Start two workers: for a process that is to be killed."""
    from rios_flows.orchestration.impatient import impatient_client

    with impatient_client() as client:
        found = client.read_work_pool(pool)
    told = order(Path(folder, "run"), "", environment={ADDRESS_VARIABLE: ADDRESS})
    launcher = PoolLauncher(UUID(parent), found, told, Undertaker())
    launcher.start([0, 1])
    return launcher
