"""Jobs that do not start, or end too soon: what a run says of it, and when."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rios_flows import rioserrors
from tests.support.jobs import SmallJob
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
from tests.support.queues import Queue, shadow, wait_until


@contextmanager
def refused(
    job: SmallJob, queue: Queue, error: type[Exception], seconds: float = 30
) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """Expect an error, soon, after which nothing is left."""
    start = time.monotonic()
    with pytest.raises(error) as caught:
        yield caught
    assert time.monotonic() - start < seconds
    assert untouched(job)
    assert not queue.ids()
    check_nothing_is_left(job)


@pytest.mark.parametrize("what", ["bad queue", "bad option"])
def test_submission_that_is_refused(what: str, queue: Queue, tmp_path: Path) -> None:
    options = {queue.words["options"]: queue.words[what]}
    job = job_on(queue, tmp_path, extra=options)
    with refused(job, queue, rioserrors.JobMgrError, 10) as caught:
        job.run(slow, nothing_counted(tmp_path))
    assert queue.words["options"] in str(caught.value)
    assert queue.words["submit"] in str(caught.value)


def test_more_than_there_is(queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = {queue.words["options"]: queue.words["too many"]}
    job = job_on(queue, tmp_path, extra=options, computeBarrierTimeout=4)
    seen: list[str] = []

    def look() -> None:
        wait_until(queue.ids)
        seen.extend(queue.ids())

    caplog.set_level(logging.INFO, "rios_flows")
    with refused(job, queue, rioserrors.TimeoutError, 25) as caught, meanwhile(tmp_path, look):
        job.run(slow, nothing_counted(tmp_path))
    reason = {"slurm": "PartitionConfig", "pbs": "Can Never Run"}[queue.name]
    texts = ("0 of 2", "computeBarrierTimeout=4", "is pending: ", reason)
    for text in (*texts, f"Job {seen[0]}"):
        assert text in str(caught.value), caught.value
    (line,) = {
        record.getMessage()
        for record in caplog.records
        if f"Job {seen[0]}" in record.getMessage() and reason in record.getMessage()
    }
    assert "is pending: " in line


BAD_STARTS = {
    "no standard library": ("cmdPrefix", "PYTHONHOME=/nowhere", "1", "No module named 'encodings'"),
    "broken numpy": ("initCmds", "export PYTHONPATH={folder}/broken", "1", "BROKEN"),
    "no such program": ("cmdPrefix", "/nowhere/python", "127", "/nowhere/python"),
    "commands that fail": ("initCmds", "echo quota >&2; exit 3", "3", "quota"),
}


@pytest.mark.parametrize("what", BAD_STARTS)
def test_worker_that_cannot_start(what: str, queue: Queue, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "numpy.py").write_text("raise ImportError('BROKEN')")
    key, text, code, said = BAD_STARTS[what]
    job = job_on(queue, tmp_path, extra={key: text.format(folder=tmp_path)})
    with refused(job, queue, rioserrors.JobMgrError) as caught:
        job.run(slow, nothing_counted(tmp_path))
    host = "on n" if queue.name == "slurm" else os.uname().nodename
    reason = f"exit code {code}\n"
    for word in ("ended before its worker came: ", reason, "Its log ends:", said, host):
        assert word in str(caught.value), caught.value


def stay_too_long(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Sleep until the queue ends this job, once."""
    mark = Path(other["folder"], "slept")
    if not mark.exists():
        mark.touch()
        time.sleep(100)
    slow(info, inputs, outputs, other)


@pytest.mark.slow
def test_walltime(pbs_queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = {"qsubOptions": "-l walltime=5"}
    job = job_on(pbs_queue, tmp_path, extra=options, numComputeWorkers=1)
    check(job, job.run(stay_too_long, nothing_counted(tmp_path)))
    warning = next(record.getMessage() for record in caplog.records if "Lost" in record.msg)
    for text in ("killed: walltime (exit status -29)", "walltime exceeded limit 5", "job "):
        assert text in warning


@pytest.mark.slow
def test_time_limit(slurm_queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    job = job_on(slurm_queue, tmp_path, extra={"sbatchOptions": "--time=1"})

    def end_one() -> None:
        name = wait_for_workers(tmp_path)[0][1]
        slurm_queue.lab.run("scontrol", "update", f"JobId={name}", "EndTime=now")

        # Slurm looks at its jobs' time each half minute
        wait_until(lambda: "Lost" in caplog.text, 55)

    with meanwhile(tmp_path, end_one):
        rtn = job.run(slow, nothing_counted(tmp_path))
    check(job, rtn)
    (warning,) = [record.getMessage() for record in caplog.records if "Lost" in record.msg]
    for text in ("TIMEOUT", "DUE TO TIME LIMIT", "job "):
        assert text in warning


def test_killed_by_hand_before_the_start(
    queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # somebody else's jobs take all processors
    script = tmp_path / "other.sh"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    all_of_it = {
        "slurm": ("sbatch", "--parsable", "--nodes=2", "--ntasks-per-node=2", "--output=/dev/null"),
        "pbs": ("qsub", "-lselect=1:ncpus=4", "-o/dev/null", "-joe"),
    }
    cancel = queue.launcher_class.cancel
    other = queue.lab.run(*all_of_it[queue.name], str(script)).strip()
    job = job_on(queue, tmp_path)
    cancelled = []

    def cancel_one() -> None:
        wait_until(lambda: len(queue.ids()) == 3)
        ours = min(name for name in queue.ids() if name != other)
        cancelled.append(ours)
        queue.lab.run(cancel, ours)
        wait_until(lambda: len(queue.ids()) == 3 and ours not in queue.ids())
        queue.lab.run(cancel, other)

    with meanwhile(tmp_path, cancel_one):
        check(job, job.run(slow, nothing_counted(tmp_path)))
    (warning,) = [
        record.getMessage()
        for record in caplog.records
        if "before its worker came" in record.msg or "before its worker came" in record.getMessage()
    ]
    assert f"Job {cancelled[0]} " in warning
    assert "Starting another" in warning


def test_queue_that_fails_once_and_is_slow(queue: Queue, tmp_path: Path) -> None:
    real = '[ "$CALL" = 1 ] && exit 1; sleep 0.5; exec "$REAL" "$@"'
    calls = shadow(tmp_path / "bin", queue.words["state"], real)
    job = job_on(queue, tmp_path)
    rtn = job.run(slow, nothing_counted(tmp_path, pause=0.2))
    check(job, rtn)
    assert calls() >= 2


@pytest.mark.slow
def test_replacement_that_is_refused_once(
    queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refuse = '[ "$CALL" = 2 ] && { echo "cannot reach the server" >&2; exit 1; }; exec "$REAL" "$@"'
    calls = shadow(tmp_path / "bin", queue.words["submit"], refuse)
    job = job_on(queue, tmp_path)

    def kill_one() -> None:
        os.kill(wait_for_workers(tmp_path)[0][0], 9)
        wait_until(lambda: calls() >= 3)

    with meanwhile(tmp_path, kill_one):
        rtn = job.run(slow, nothing_counted(tmp_path))
    check(job, rtn)
    assert "cannot reach the server" in caplog.text
