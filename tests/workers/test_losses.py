"""A lost worker costs nothing but time; a block that kills each worker is the error."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from rios_flows import rioserrors
from rios_flows.structures import CW_SUBPROC, ApplierReturn, ConcurrencyStyle
from tests.support.deaths import DEATHS, count, die_always, die_once
from tests.support.jobs import BLOCKS, SmallJob, lanes_alive

#: Workers that read, and workers that do not.
STYLES = {
    "workers read": ConcurrencyStyle(
        numComputeWorkers=2, computeWorkerKind=CW_SUBPROC, computeWorkersRead=True
    ),
    "read here": ConcurrencyStyle(
        numReadWorkers=1, numComputeWorkers=2, computeWorkerKind=CW_SUBPROC
    ),
}


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> SmallJob:
    job = SmallJob(tmp_path, STYLES[request.param])
    # what a lost worker had in hand spends no try
    job.controls.setBlockRetries(userFunction=0, io=0)
    return job


@pytest.fixture(autouse=True)
def nobody_is_left() -> Any:
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before
    assert not lanes_alive()


def other_args(death: str, folder: Path) -> dict[str, Any]:
    ballast = np.zeros(300_000)
    return {"death": death, "mark": str(folder / "dead"), "blocks": [], "sum": 0} | {
        "ballast": ballast
    }


def check(job: SmallJob, rtn: ApplierReturn) -> None:
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    blocks = [block for other in rtn.otherArgsList for block in other["blocks"]]
    assert sorted(blocks) == sorted((col, row) for row in range(3) for col in range(4))
    assert len(blocks) == BLOCKS
    assert sum(other["sum"] for other in rtn.otherArgsList) == job.pixels.sum(dtype=np.int64)
    for other in rtn.otherArgsList:
        assert other["ballast"].sum() == sum(range(len(other["blocks"]) + 1))


@pytest.mark.parametrize("death", DEATHS)
def test_a_worker_that_dies_is_replaced(
    death: str, job: SmallJob, caplog: pytest.LogCaptureFixture
) -> None:
    rtn = job.run(die_once, other_args(death, job.folder))
    check(job, rtn)
    assert (job.folder / "dead").exists()
    (warning,) = [record.getMessage() for record in caplog.records if "Lost" in record.msg]
    for text in ("block row 1, column 2", death, "worker "):
        assert text in warning


def test_a_block_that_always_kills_is_the_error(job: SmallJob) -> None:
    with pytest.raises(rioserrors.WorkerLostError) as caught:
        job.run(die_always, other_args("SIGSEGV", job.folder))
    message = str(caught.value)
    for text in ("3 workers", "block row 1, column 2", "compute stage", "SIGSEGV", "in die_always"):
        assert text in message, message
    (job.folder / "dead").unlink(missing_ok=True)
    assert job.files() == job.before


def test_workers_killed_from_outside_at_any_moment(job: SmallJob) -> None:
    def slowly(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        count(info, inputs, outputs, other)
        time.sleep(0.1)

    killed: list[int] = []
    before = set(psutil.Process().children())
    over = threading.Event()

    def kill_now_and_then() -> None:
        while not over.wait(0.35) and len(killed) < 4:
            children = [each for each in psutil.Process().children() if each not in before]
            if children:
                killed.append(children[len(killed) % len(children)].pid)
                os.kill(killed[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        rtn = job.run(slowly, other_args("", job.folder))
    finally:
        over.set()
        killer.join()
    check(job, rtn)
    assert killed
