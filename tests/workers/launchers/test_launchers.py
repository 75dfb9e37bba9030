"""Starting, watching and stopping jobs, by one body for each queue."""

from __future__ import annotations

import logging
import os
import shlex
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import ITIMER_REAL, SIGALRM, SIGKILL, SIGTERM, setitimer, signal

import pytest

from rios_flows.rioserrors import JobMgrError, UnavailableError
from rios_flows.workers.launchers import batch
from rios_flows.workers.launchers.launcher import tail
from rios_flows.workers.launchers.undertaker import Undertaker
from tests.support.queues import Queue, Starts, order, shadow, wait_for, wait_for_log, wait_until

#: Workers as single jobs, and as an array.
SETS = pytest.mark.parametrize("numbers", [[7], [0, 1]], ids=["single", "array"])


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


@pytest.mark.alone
def test_stopping_some(launch: Starts) -> None:
    launcher = launch([0, 1, 2], "exec sleep 60")
    wait_for(launcher, "running", 3)
    start = time.monotonic()
    launcher.stop([1])
    assert time.monotonic() - start < 3
    ended = wait_for(launcher, "ended")
    assert ended.number == 1
    assert ended.reason.startswith("cancelled by this run")
    # a replacement has a new number
    launcher.start([3])
    wait_for(launcher, "running", 3)
    assert [job.number for job in launcher.jobs()] == [0, 1, 2, 3]


@pytest.mark.parametrize("numbers", [[4, 2, 9], [3000, 3001]], ids=["gaps", "large"])
def test_numbers_that_fit_no_array_of_some_queue(
    launch: Starts, tmp_path: Path, numbers: list[int]
) -> None:
    launcher = launch(numbers, f"echo $2 >'{tmp_path}'/$2")
    wait_for(launcher, "ended", len(numbers))
    assert sorted(int(file.read_text()) for file in tmp_path.glob("[0-9]*")) == sorted(numbers)


def test_a_queue_without_arrays(queue: Queue, launch: Starts, tmp_path: Path) -> None:
    refuse = (
        'case "$*" in *--array*|*-J*) echo no arrays here >&2; exit 1;; esac; exec "$REAL" "$@"'
    )
    calls = shadow(tmp_path / "bin", queue.words["submit"], refuse)
    launcher = launch([0, 1], "true")
    assert calls() == 3
    wait_for(launcher, "ended", 2)


#: How an answer to a submission is lost: it comes too late, or says that the server was slow.
LOST = {
    "late": '"$REAL" "$@" >/dev/null; exec sleep 60',
    "refused": '"$REAL" "$@" >/dev/null; echo Socket timed out on send/recv operation >&2; exit 1',
}


@pytest.mark.parametrize("how", LOST)
def test_submission_whose_answer_is_lost(
    queue: Queue, launch: Starts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(batch, "_SUBMIT_TIMEOUT", 1.5)
    monkeypatch.setattr(batch, "_TIMEOUT", 1.0)
    earlier = launch([0, 1], "exec sleep 60")
    other = launch([0, 1], "exec sleep 60", folder=tmp_path / "other")
    calls = shadow(tmp_path / "bin", queue.words["submit"], LOST[how])
    earlier.start([2, 3])
    earlier.start([4])
    assert calls() == 2
    # those that are known already, and those of another run of this name, are not taken for it
    ids = [job.id for launcher in (earlier, other) for job in launcher.jobs()]
    assert len(set(ids)) == 7
    assert sorted(ids) == sorted(queue.ids())
    earlier.close()
    assert sorted(queue.ids()) == sorted(job.id for job in other.jobs())


def test_submission_of_which_nothing_is_known(
    queue: Queue, launch: Starts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = launch([], "exec sleep 60")
    hang = '[ $CALL = 1 ] && exec sleep 60; exec "$REAL" "$@"'
    calls = shadow(tmp_path / "bin", queue.words["submit"], hang)
    with monkeypatch.context() as patch:
        patch.setattr(batch, "_SUBMIT_TIMEOUT", 0.3)
        patch.setattr(batch, "_TIMEOUT", 0.3)
        with pytest.raises(JobMgrError, match=r"No answer within 0\.3 s"):
            launcher.start([0, 1])
    assert calls() == 1
    assert not queue.ids()
    assert not launcher.jobs()
    launcher.start([0, 1])
    wait_for(launcher, "running", 2)


@SETS
@pytest.mark.parametrize("what", ["bad queue", "bad option"])
def test_refused_submission(queue: Queue, launch: Starts, numbers: list[int], what: str) -> None:
    options = queue.words[what]
    with pytest.raises(JobMgrError) as caught:
        launch(numbers, "true", extra={queue.words["options"]: options})
    said = str(caught.value)
    words = {
        ("slurm", "bad queue"): "invalid partition specified: nowhere",
        ("slurm", "bad option"): "unrecognized option '--no-such-option'",
        ("pbs", "bad queue"): "Unknown queue",
        ("pbs", "bad option"): "invalid option -- 'Z'",
    }
    assert words[queue.name, what] in said
    assert queue.words["options"] in said
    assert f"of: {queue.words['submit']} " in said
    assert "\n" not in said
    assert not queue.ids()


def test_warning_of_a_submission_is_no_error(queue: Queue, launch: Starts, tmp_path: Path) -> None:
    script = 'echo "warning: your quota is low" >&2; exec "$REAL" "$@"'
    shadow(tmp_path / "bin", queue.words["submit"], script)
    assert wait_for(launch([0, 1], "true"), "ended", 2).reason == "exit code 0"


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
    monkeypatch.setattr(batch, "_SILENCE", 0.5)
    gone = tmp_path / "back"
    fail = f'[ -e \'{gone}\' ] || {{ echo server is away >&2; exit 1; }}; exec "$REAL" "$@"'
    shadow(tmp_path / "bin", queue.words["state"], fail)
    time.sleep(0.6)
    for _ in range(3):
        assert launcher.jobs()[0].state == "running"
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1
    assert "has not answered for 0.5 s" in warned[0]
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


def test_cancelling_that_fails_once_is_tried_again(
    queue: Queue, launch: Starts, tmp_path: Path
) -> None:
    launcher = launch([0, 1], "exec sleep 60")
    wait_for(launcher, "running", 2)
    fail = '[ $CALL = 1 ] && { echo server is away >&2; exit 1; }; exec "$REAL" "$@"'
    calls = shadow(tmp_path / "bin", queue.launcher_class.cancel, fail)
    launcher.close()
    assert not queue.ids()
    assert calls() >= 2


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


@SETS
def test_secrets_are_seen_by_the_worker_alone(
    queue: Queue, launch: Starts, tmp_path: Path, numbers: list[int]
) -> None:
    secret = 'a7b2\nc9,d4 "e5" \\ f\'6'
    spy = (
        f"cat >'{tmp_path}/script'; echo \"$@\" >'{tmp_path}/arguments';"
        f"cat /proc/[0-9]*/cmdline >'{tmp_path}/processes' 2>/dev/null; "
        f'exec "$REAL" "$@" <\'{tmp_path}/script\''
    )
    shadow(tmp_path / "bin", queue.words["submit"], spy)
    found = shlex.quote(str(tmp_path / "found"))
    launcher = launch(
        numbers,
        f'printf %s "$RIOS_SECRET" >{found}$2; exec sleep 60',
        environment={"RIOS_SECRET": secret},
    )
    wait_for(launcher, "running", len(numbers))
    files = [tmp_path / f"found{number}" for number in numbers]
    wait_until(lambda: all(file.exists() and file.read_text() == secret for file in files))
    for seen in (tmp_path / "script", tmp_path / "arguments", tmp_path / "processes"):
        text = seen.read_bytes()
        assert text
        assert b"a7b2" not in text
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            assert b"a7b2" not in process.read_bytes()
    folder = tmp_path / "run"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert b"a7b2" not in file.read_bytes()


@SETS
def test_close_leaves_nothing(queue: Queue, launch: Starts, numbers: list[int]) -> None:
    launcher = launch(numbers, "trap '' TERM; while :; do sleep 0.2; done")
    extra = {queue.words["options"]: queue.words["too many"]}
    pending = launch([40, 41], "true", extra=extra)
    wait_for(launcher, "running", len(numbers))
    start = time.monotonic()
    pending.close()
    launcher.close()
    assert time.monotonic() - start < 15
    assert not queue.ids()
    assert {job.state for job in launcher.jobs()} == {"ended"}


def test_missing_command_is_told(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undertaker = Undertaker()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(UnavailableError) as caught:
            queue.launcher(order(tmp_path, "true"), undertaker)
    undertaker.close()
    assert f"there is no {queue.words['submit']} on the path" in str(caught.value)


def test_interrupted_submission_is_not_lost(queue: Queue, launch: Starts, tmp_path: Path) -> None:
    launcher = launch([], "exec sleep 60")
    shadow(tmp_path / "bin", queue.words["submit"], 'sleep 1; exec "$REAL" "$@"')

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal(SIGALRM, interrupt)
    setitimer(ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            launcher.start([0, 1])
    finally:
        signal(SIGALRM, before)
    assert len(launcher.jobs()) == len(queue.ids()) == 2
    launcher.close()
    assert not queue.ids()


MAIN = """
import signal, sys, time
from pathlib import Path
from rios_flows.workers.launchers.undertaker import Undertaker
from tests.support.queues import order
from rios_flows.workers.launchers.{module} import {name} as Chosen

folder = Path(sys.argv[1])
undertaker = Undertaker()
undertaker.due("rm", "-rf", str(folder))
launcher = Chosen(order(folder, "exec sleep 100"), undertaker)
print("starting", flush=True)
launcher.start([0, 1])
launcher.start([2])
print("started", flush=True)
time.sleep(100)
"""


@contextmanager
def main_process(queue: Queue, folder: Path) -> Iterator[subprocess.Popen[str]]:
    name = queue.launcher_class.__name__
    script = MAIN.format(module=queue.name, name=name)
    command = [sys.executable, "-c", script, str(folder)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


@pytest.mark.parametrize("number", [SIGTERM, SIGKILL])
def test_nothing_stays_after_a_kill(queue: Queue, tmp_path: Path, number: int) -> None:
    folder = tmp_path / "run"
    with main_process(queue, folder) as process:
        said(process, "starting")
        said(process, "started")
        assert len(queue.ids()) == 3
        assert folder.exists()
        os.kill(process.pid, number)
        start = time.monotonic()
        wait_until(lambda: not queue.ids(), 15)
        wait_until(lambda: not folder.exists(), 15)
        assert time.monotonic() - start < 15


def test_nothing_stays_after_a_kill_amid_submitting(queue: Queue, tmp_path: Path) -> None:
    shadow(tmp_path / "bin", queue.words["submit"], 'sleep 1; "$REAL" "$@"')
    with main_process(queue, tmp_path / "run") as process:
        said(process, "starting")
        time.sleep(0.3)
        process.kill()
        assert not queue.ids()
    time.sleep(1.5)
    wait_until(lambda: not queue.ids(), 10)
