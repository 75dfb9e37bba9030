"""Jobs of a queue that are killed in the midst of a run, or kill themselves."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from rios_flows import rioserrors
from tests.support.deaths import FATAL, die_always
from tests.support.queue_runs import (
    check,
    check_nothing_is_left,
    job_on,
    meanwhile,
    nothing_counted,
    slow,
    untouched,
    wait_for_workers,
)
from tests.support.queues import Queue, wait_until

#: What the queues say of a job that somebody has cancelled.
CANCELLED = {"slurm": "CANCELLED", "pbs": "SIGTERM"}


def kill_process(queue: Queue, process: int, job: str) -> None:
    os.kill(process, signal.SIGKILL)


def cancel_job(queue: Queue, process: int, job: str) -> None:
    queue.lab.run(queue.launcher_class.cancel, job)


@pytest.mark.parametrize("kill", [kill_process, cancel_job])
def test_one_of_two_is_killed(
    kill: Callable[[Queue, int, str], None],
    queue: Queue,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = job_on(queue, tmp_path)
    killed = []

    def kill_one() -> None:
        process, name = wait_for_workers(tmp_path)[0]
        killed.append(name)
        kill(queue, process, name)
        # a queue takes its time
        wait_until(lambda: "Lost" in caplog.text, 30)

    with meanwhile(tmp_path, kill_one):
        rtn = job.run(slow, nothing_counted(tmp_path))
    check(job, rtn)
    assert len(set.union(*(other["workers"] for other in rtn.otherArgsList))) >= 2
    (warning,) = [record.getMessage() for record in caplog.records if "Lost" in record.msg]
    reason = "SIGKILL" if kill is kill_process else CANCELLED[queue.name]
    for text in ("block row ", killed[0], os.uname().nodename, reason, "Starting another"):
        assert text in warning, warning


def test_a_block_that_always_kills_its_worker(queue: Queue, tmp_path: Path) -> None:
    job = job_on(queue, tmp_path, numComputeWorkers=1)
    other = {"death": "SIGSEGV", "blocks": [], "sum": 0, "ballast": np.zeros(12)}
    with pytest.raises(rioserrors.WorkerLostError) as caught:
        job.run(die_always, other)
    message = str(caught.value)
    texts = ("3 workers", "block row 1, column 2", "compute stage", "job ", os.uname().nodename)
    for text in (*texts, "SIGSEGV", "in die_always"):
        assert text in message, message
    assert untouched(job)
    check_nothing_is_left(job)


def take_memory(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Take more memory than a job may have, once, or at each attempt."""
    slow(info, inputs, outputs, other)
    mark = Path(other["folder"], "greedy")
    if info.getBlockCount() == FATAL and (other["always"] or not mark.exists()):
        mark.touch()
        _ = np.ones(other["size"] << 17)
        time.sleep(other["stay"])


def test_memory_that_the_queue_limits(
    slurm_queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    extra = {"sbatchOptions": "--mem=700M"}
    job = job_on(slurm_queue, tmp_path, numComputeWorkers=1, extra=extra)
    other = nothing_counted(tmp_path, size=1000, stay=20, always=False)
    check(job, job.run(take_memory, other))
    (warning,) = [record.getMessage() for record in caplog.records if "Lost" in record.msg]
    # OUT_OF_MEMORY is what a Slurm with control groups says
    for text in ("block row 1, column 2", "SIGKILL", "Exceeded job memory limit"):
        assert text in warning


def test_memory_error_in_the_function(queue: Queue, tmp_path: Path) -> None:
    extra = {"initCmds": "ulimit -v 8000000"}
    job = job_on(queue, tmp_path, numComputeWorkers=1, extra=extra)
    other = nothing_counted(tmp_path, size=20_000, stay=0, always=True)
    with pytest.raises(rioserrors.WorkerExceptionError, match="block row 1, column 2") as caught:
        job.run(take_memory, other)
    assert isinstance(caught.value.__cause__, MemoryError)
    assert untouched(job)
    check_nothing_is_left(job)


def hang(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image
    if info.getBlockCount() == FATAL:
        time.sleep(1000)


def test_function_that_hangs(queue: Queue, tmp_path: Path) -> None:
    job = job_on(queue, tmp_path, computeBufferPopTimeout=1)
    with pytest.raises(rioserrors.TimeoutError, match="computeBufferPopTimeout") as caught:
        job.run(hang)
    assert "in the user function, block row 1, column 2" in str(caught.value)
    assert not queue.ids()
    assert untouched(job)
    check_nothing_is_left(job)


def test_a_node_is_lost(
    slurm_queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The node of one worker goes down, with all that runs there."""
    job = job_on(slurm_queue, tmp_path, extra={"sbatchOptions": "--ntasks=2 --nodes=1"})
    lab = slurm_queue.lab

    def lose_a_node() -> None:
        process, name = wait_for_workers(tmp_path)[0]
        node = lab.run("squeue", "-h", "-j", name, "-o", "%N").strip()
        daemon = parent_of(parent_of(process))
        try:
            for each in (daemon, parent_of(process), process):
                os.kill(each, signal.SIGSTOP)
            lab.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=lost")
            wait_until(lambda: "Lost" in caplog.text, 30)
        finally:
            for each in (process, parent_of(process), daemon):
                os.kill(each, signal.SIGCONT)
            # it may have come back by itself
            with suppress(RuntimeError):
                lab.run("scontrol", "update", f"NodeName={node}", "State=RESUME")

    with meanwhile(tmp_path, lose_a_node):
        rtn = job.run(slow, nothing_counted(tmp_path))
    check(job, rtn)
    (warning,) = [record.getMessage() for record in caplog.records if "Lost" in record.msg]
    for text in ("job ", "NODE_FAIL", "Starting another"):
        assert text in warning


def parent_of(process: int) -> int:
    return int(psutil.Process(process).ppid())
