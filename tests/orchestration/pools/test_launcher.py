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

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import FlowRun, State, WorkPool
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Pending, Running

from rios_flows.basics.naming import ADDRESS_VARIABLE
from rios_flows.orchestration.pools import leftovers, tickets
from rios_flows.orchestration.pools.launcher import PoolLauncher
from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.undertaker import Undertaker
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


def secrets_left(client: SyncPrefectClient) -> list[str]:
    found = client.read_block_documents_by_type("secret")
    names = [str(each.name) for each in found]
    return [name for name in names if name.startswith("rios-workers-")]


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


@pytest.mark.parametrize(
    ("state", "seen", "reason"),
    [
        (Pending(), "pending", "Pending"),
        (Running(), "running", ""),
        (Completed(message="exit code 0"), "ended", "exit code 0"),
        (Failed(message="killed by SIGKILL"), "ended", "killed by SIGKILL"),
        (Crashed(message="Out of memory"), "ended", "Crashed: Out of memory"),
        (Crashed(message=CRASH), "ended", f"exit code 1 (Crashed: {CRASH})"),
        (Cancelled(message="By hand"), "ended", "Cancelled: By hand"),
        (Cancelling(), "ended", "Cancelling"),
    ],
)
def test_states_are_the_truth_about_jobs(
    state: State[Any], seen: str, reason: str, launcher: PoolLauncher, client: SyncPrefectClient
) -> None:
    launcher.start([0])
    run = run_of(client, launcher, 0)
    # the server does not let a run be ended that has not begun
    for each in (Running(), state):
        client.set_flow_run_state(run.id, each, force=True)
    (job,) = launcher.jobs()
    assert (job.state, job.reason) == (seen, reason)


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
    assert launcher.jobs()[1].reason == "it is paused"


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


def test_a_pool_that_has_gone(
    launcher: PoolLauncher, client: SyncPrefectClient, make_pool: MakePool, pool: WorkPool
) -> None:
    client.update_work_pool(pool.name, WorkPoolUpdate(is_paused=True))
    launcher._pool = pool.model_copy(update={"name": "gone"})
    with pytest.raises(JobMgrError, match=r"does not take the flow run of a worker .* 'gone'"):
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


def started(parent: str, pool: str, folder: str) -> PoolLauncher:
    """Start two workers: for a process that is to be killed."""
    from rios_flows.orchestration.impatient import impatient_client

    with impatient_client() as client:
        found = client.read_work_pool(pool)
    told = order(Path(folder, "run"), "", environment={ADDRESS_VARIABLE: ADDRESS})
    launcher = PoolLauncher(UUID(parent), found, told, Undertaker())
    launcher.start([0, 1])
    return launcher
