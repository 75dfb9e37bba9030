"""Starting and watching jobs, by one body for each queue."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from rios_flows.workers.launchers import book
from rios_flows.workers.launchers.launcher import tail
from tests.support.queues import Queue, Starts, shadow, wait_for, wait_for_log, wait_until
from tests.workers.launchers.conftest import SETS


@SETS
def test_states_of_a_job_that_ends_well(
    queue: Queue, launch: Starts, tmp_path: Path, numbers: list[int]
) -> None:
    go = tmp_path / "go"
    script = f"echo I am $1 $2; until [ -e '{go}' ]; do sleep 0.1; done; echo done"
    launcher = launch(numbers, script, name="demo of a job")
    running = wait_for(launcher, "running", len(numbers))
    jobs = launcher.jobs()
    assert [job.number for job in jobs] == numbers
    assert running.host
    assert not running.reason
    plain = "demo_of_a_job"
    assert {job.name for job in jobs} == {plain if len(numbers) > 1 else f"{plain}-7"}
    assert {job.id for job in jobs} == set(queue.ids())
    if len(numbers) > 1:
        for job in jobs:
            assert job.id.split(".")[0].endswith((f"_{job.number}", f"[{job.number}]"))
    go.touch()
    wait_for(launcher, "ended", len(numbers))
    for job in launcher.jobs():
        assert job.reason == "exit code 0"
        assert job.host == running.host or queue.name == "slurm"
        wait_for_log(job, f"I am --number {job.number}\ndone")
        assert tail(job.log, lines=1) == "done"
    assert not queue.ids()


@SETS
@pytest.mark.parametrize(
    ("script", "reason"),
    [("echo wrong >&2; exit 3", "exit code 3"), ("kill -9 $$", "signal 9 (SIGKILL)")],
)
def test_reason_of_a_bad_end(launch: Starts, numbers: list[int], script: str, reason: str) -> None:
    launcher = launch(numbers, script)
    job = wait_for(launcher, "ended", len(numbers))
    assert job.reason == reason
    if "wrong" in script:
        wait_for_log(job, "wrong")


@SETS
def test_what_cannot_run_pends_with_a_reason(
    queue: Queue, launch: Starts, numbers: list[int]
) -> None:
    options = queue.words["too many"]
    launcher = launch(numbers, "true", extra={queue.words["options"]: options})
    wait_until(lambda: all(job.reason not in ("", "None") for job in launcher.jobs()))
    job = wait_for(launcher, "pending", len(numbers))
    assert job.reason in (
        "PartitionConfig",
        "Can Never Run: Insufficient amount of resource: ncpus",
    )
    assert not job.host
    launcher.stop(numbers)
    assert "cancelled by this run" in wait_for(launcher, "ended", len(numbers)).reason


@SETS
def test_killed_by_hand(queue: Queue, launch: Starts, numbers: list[int]) -> None:
    launcher = launch(numbers, "exec sleep 60")
    job = wait_for(launcher, "running", len(numbers))
    queue.kill(job)
    ended = wait_for(launcher, "ended")
    assert ended.number == job.number
    assert ended.reason in ("CANCELLED", "signal 15 (SIGTERM)")
    # others are none the worse
    assert sum(job.state == "running" for job in launcher.jobs()) == len(numbers) - 1


def test_queue_that_does_not_answer_once(
    queue: Queue, launch: Starts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    launcher = launch([0, 1], "exec sleep 60")
    wait_for(launcher, "running", 2)
    fail = '[ $CALL = 1 ] && { echo server is away >&2; exit 1; }; exec "$REAL" "$@"'
    shadow(tmp_path / "bin", queue.words["state"], fail)
    with caplog.at_level(logging.INFO):
        before = launcher.jobs()
        assert [job.state for job in before] == ["running", "running"]
        assert launcher.jobs() == before
    assert not caplog.records


def test_queue_that_is_silent_for_long(
    queue: Queue,
    launch: Starts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    launcher = launch([0], "exec sleep 60")
    wait_for(launcher, "running")
    monkeypatch.setattr(book, "SILENCE", 0.5)
    gone = tmp_path / "back"
    fail = f'[ -e \'{gone}\' ] || {{ echo server is away >&2; exit 1; }}; exec "$REAL" "$@"'
    shadow(tmp_path / "bin", queue.words["state"], fail)
    time.sleep(0.6)
    for _ in range(3):
        assert launcher.jobs()[0].state == "running"
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1
    assert "does not tell how jobs are (for " in warned[0]
    assert "server is away" in warned[0]
    gone.touch()
    launcher.stop([0])
    wait_for(launcher, "ended")


@pytest.mark.alone
def test_slow_queue(
    queue: Queue, launch: Starts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (queue.words["submit"], queue.words["state"]):
        shadow(tmp_path / "bin", command, 'sleep 0.7; exec "$REAL" "$@"')
    assert wait_for(launch([0, 1], "true"), "ended", 2).reason == "exit code 0"
    launcher = launch([2], "exec sleep 60")
    wait_for(launcher, "running")
    monkeypatch.setattr(launcher, "_timeout", 0.2)
    start = time.monotonic()
    assert launcher.jobs()[0].state == "running"
    assert time.monotonic() - start < 0.7


def test_job_that_the_queue_has_forgotten_has_ended(
    queue: Queue, launch: Starts, tmp_path: Path
) -> None:
    launcher = launch([0], "true")
    wait_until(lambda: not queue.ids())
    words = {
        "slurm": "echo slurm_load_jobs error: Invalid job id specified >&2; exit 1",
        "pbs": "echo qstat: Unknown Job Id >&2; exit 153",
    }
    shadow(tmp_path / "bin", queue.words["state"], words[queue.name])
    assert launcher.jobs()[0].state == "ended"
    assert launcher.jobs()[0].reason == "no longer known to the queue"


def test_what_the_user_adds(queue: Queue, launch: Starts, tmp_path: Path) -> None:
    extra = {
        "initCmds": ["GREETING='good morning'", f"cd '{tmp_path}'"],
        "cmdPrefix": 'env GREETING="$GREETING"',
        "cmdSuffix": "| tr a-z A-Z",
    }
    launcher = launch([5], 'echo "$GREETING" $2 in $PWD', extra=extra)
    job = wait_for(launcher, "ended")
    wait_for_log(job, f"good morning 5 in {tmp_path}".upper())
