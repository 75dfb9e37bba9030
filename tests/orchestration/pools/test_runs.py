"""Whole runs whose workers are flow runs on a process pool with a real worker of Prefect."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from rios_flows import applier, rioserrors
from rios_flows.controls.concurrency import ON_POOL
from rios_flows.orchestration.pools.offering import pools_for
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from tests.orchestration.pools.bodies import (
    Place,
    check_cancel,
    check_loss,
    check_poison,
    secrets_left,
    workers_of,
)
from tests.orchestration.served import ROOT, Api, Server, eventually
from tests.support import executors
from tests.support.jobs import SmallJob
from tests.support.queue_runs import (
    check_nothing_is_left,
    nothing_counted,
    slow,
    untouched,
    wait_for_workers,
    workers_in,
)
from tests.workers import test_executors

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.usefixtures("worker")]

#: The pool of the shared worker; workers come by this machine's loopback.
EXTRA = {"workPool": "rios-process", "interface": "127.0.0.1"}


@pytest.fixture(autouse=True)
def online(client: SyncPrefectClient) -> None:
    """Wait until the server knows that the worker is there."""
    eventually(lambda: client.read_workers_for_work_pool("rios-process"))


@pytest.fixture
def place(api: Api) -> Place:
    def kill(worker: int, flow_run: FlowRun) -> None:
        parent = psutil.Process(worker).parent()
        assert parent is not None
        assert "rios_flows.orchestration.pools" in parent.cmdline()
        parent.kill()

    return Place("pool", CW_SUBPROC, EXTRA, api, kill, "status code")


def test_outputs_do_not_depend_on_it(
    parent: FlowRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(executors.EXTRA, ON_POOL, EXTRA)
    with pools_for([parent]):
        test_executors.test_outputs_do_not_depend_on_it("none, 2 readers", "work pool", tmp_path)


def test_one_is_lost(place: Place, client: SyncPrefectClient, tmp_path: Path) -> None:
    check_loss(place, client, tmp_path, haveSharedTemp=False)


def test_a_block_that_always_kills_its_worker(place: Place, tmp_path: Path) -> None:
    check_poison(place, tmp_path)


def test_a_worker_for_each_block(place: Place, tmp_path: Path) -> None:
    job = place.job(tmp_path, "single", singleBlockComputeWorkers=True, extra={"maxJobs": 2})
    # half of the raster each
    job.controls.setWindowSize(50, 80)
    other = nothing_counted(tmp_path)
    rtn = applier.apply(slow, job.infiles, job.outfiles, other, job.controls)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    blocks = [block for other in rtn.otherArgsList for block in other["blocks"]]
    assert sorted(blocks) == [(0, 0), (1, 0)]
    assert len(workers_in(tmp_path)) == 2
    eventually(
        lambda: [each.state_name for each in place.workers("single")] == ["Completed"] * 2, 30
    )
    check_nothing_is_left(job)


def test_a_worker_that_cannot_start(place: Place, tmp_path: Path) -> None:
    job = place.job(tmp_path, "start", extra={"python": "/usr/bin/false"})
    with pytest.raises(rioserrors.JobMgrError, match=r"ended before its worker came: exit code 1"):
        applier.apply(slow, job.infiles, job.outfiles, nothing_counted(tmp_path), job.controls)
    assert untouched(job)
    check_nothing_is_left(job)


def run_script(folder: Path) -> None:
    """Run a job in a plain script, which is to be killed."""
    style = ConcurrencyStyle(
        computeWorkerKind=CW_SUBPROC,
        numComputeWorkers=1,
        computeBufferPopTimeout=60,
        computeWorkerExtraParams=EXTRA,
    )
    (folder / "temp").mkdir()
    job = SmallJob(folder, style)
    job.controls.setTempdir(str(folder / "temp"))
    job.controls.setJobName("pool-killed")
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


def test_a_run_that_is_cancelled(place: Place, tmp_path: Path) -> None:
    check_cancel(place, tmp_path)
