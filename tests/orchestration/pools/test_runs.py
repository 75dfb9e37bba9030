"""Whole runs whose workers are flow runs on a process pool with a real worker of Prefect."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from rios_flows import applier, rioserrors
from rios_flows.controls.concurrency import ON_POOL
from rios_flows.orchestration.pools.offering import pools_for
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from tests.orchestration.pools.test_launcher import secrets_left
from tests.orchestration.served import ROOT, Api, Server, eventually
from tests.orchestration.test_cancelled_workers import check_cancelled
from tests.support import executors
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
from tests.workers import test_executors

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.usefixtures("worker")]

#: The pool of the shared worker; workers come by this machine's loopback.
EXTRA = {"workPool": "rios-process", "interface": "127.0.0.1"}


@pytest.fixture(autouse=True)
def online(client: SyncPrefectClient) -> None:
    """Wait until the server knows that the worker is there."""
    eventually(lambda: client.read_workers_for_work_pool("rios-process"))


def job_on(folder: Path, name: str, **changes: Any) -> SmallJob:
    (folder / "temp").mkdir()
    values = {"numComputeWorkers": 1, "computeBufferPopTimeout": 60, **changes}
    style = ConcurrencyStyle(computeWorkerKind=CW_SUBPROC, computeWorkerExtraParams=EXTRA, **values)
    job = SmallJob(folder, style)
    job.controls.setTempdir(str(folder / "temp"))
    job.controls.setBlockRetries(userFunction=0, io=0)
    job.controls.setJobName(name)
    return job


def workers_of(api: Api, name: str) -> list[FlowRun]:
    """Return the flow runs of a run's workers, by their numbers."""
    runs: list[FlowRun] = []
    while found := api.flow_runs(f"{name}-{len(runs)}"):
        runs += found
    return runs


def test_outputs_do_not_depend_on_it(
    parent: FlowRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(executors.EXTRA, ON_POOL, EXTRA)
    with pools_for(parent.id):
        test_executors.test_outputs_do_not_depend_on_it("none, 2 readers", "work pool", tmp_path)


def test_one_is_lost(api: Api, client: SyncPrefectClient, tmp_path: Path) -> None:
    job = job_on(tmp_path, "pool-loss", haveSharedTemp=False)

    def kill_it() -> None:
        ((worker, _),) = wait_for_workers(tmp_path, 1)
        flow_run = psutil.Process(worker).parent()
        assert flow_run is not None
        assert "rios_flows.orchestration.pools" in flow_run.cmdline()
        flow_run.kill()
        # it ends with that
        eventually(lambda: not psutil.pid_exists(worker), 30)

    with meanwhile(tmp_path, kill_it):
        rtn = applier.apply(
            slow, job.infiles, job.outfiles, nothing_counted(tmp_path), job.controls
        )
    check(job, rtn)
    run = api.flow_run("pool-loss")
    line = api.log_line(run.id, "^Lost at block row").message
    assert "status code" in line
    assert "Starting another" in line
    lost, other = workers_of(api, "pool-loss")
    for worker, state, end in ((lost, "Crashed", "status code"), (other, "Completed", "exit code")):
        assert worker.state is not None
        assert worker.state.name == state
        assert end in str(worker.state.message)
        # shown under the run
        assert api.parent(worker).flow_run_id == run.id
        assert str(worker.id) in line or worker is other
    # that of the other went with it
    api.log_line(other.id, "^Worker 1 begins ")
    assert not secrets_left(client)


def test_a_block_that_always_kills_its_worker(api: Api, tmp_path: Path) -> None:
    job = job_on(tmp_path, "pool-poison")
    other = {"death": "SIGSEGV", "blocks": [], "sum": 0, "ballast": np.zeros(12)}
    with pytest.raises(rioserrors.WorkerLostError) as caught:
        applier.apply(die_always, job.infiles, job.outfiles, other, job.controls)
    workers = workers_of(api, "pool-poison")
    for text in ("3 workers", "block row 1, column 2", "SIGSEGV", "in die_alw", str(workers[2].id)):
        assert text in str(caught.value), caught.value
    assert untouched(job)
    check_nothing_is_left(job)


def test_a_worker_that_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRA, "python", "/usr/bin/false")
    job = job_on(tmp_path, "pool-start")
    with pytest.raises(rioserrors.JobMgrError, match=r"ended before its worker came: exit code 1"):
        applier.apply(slow, job.infiles, job.outfiles, nothing_counted(tmp_path), job.controls)
    assert untouched(job)
    check_nothing_is_left(job)


def run_script(folder: Path) -> None:
    """Run a job in a plain script, which is to be killed."""
    job = job_on(folder, "pool-killed")
    (folder / "wait").touch()
    applier.apply(slow, job.infiles, job.outfiles, nothing_counted(folder), job.controls)


def test_nothing_stays_of_a_script_that_is_killed(
    server: Server, api: Api, client: SyncPrefectClient, tmp_path: Path
) -> None:
    code = (
        "from pathlib import Path\n"
        "from tests.orchestration.pools.test_runs import run_script\n"
        f"run_script(Path({str(tmp_path)!r}))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=server.environment(),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as script:
        ((pid, _),) = wait_for_workers(tmp_path, 1)
        script.kill()
    start = time.monotonic()
    # it may be gone already
    eventually(lambda: not psutil.pid_exists(pid), 60)

    def is_over() -> bool:
        (run,) = workers_of(api, "pool-killed")
        return run.state is not None and run.state.is_final()

    eventually(is_over, 60 - (time.monotonic() - start))
    eventually(lambda: not list((tmp_path / "temp").iterdir()), 10)
    assert not secrets_left(client)


def test_a_deployed_run_that_is_cancelled(api: Api, tmp_path: Path) -> None:
    style = ConcurrencyStyle(
        computeWorkerKind=CW_SUBPROC,
        numComputeWorkers=2,
        computeBufferPopTimeout=60,
        computeWorkerExtraParams=EXTRA,
    )

    def living() -> list[FlowRun]:
        runs = workers_of(api, "cancel CW_SUBPROC workers".replace(" ", "_"))
        assert len(runs) == 2
        return [run for run in runs if run.state is None or not run.state.is_final()]

    check_cancelled(api, tmp_path, style, {}, living)
