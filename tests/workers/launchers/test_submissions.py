"""Submitting jobs, also where answers are lost, by one body for each queue."""

from __future__ import annotations

import shlex
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import ITIMER_REAL, SIGALRM, setitimer, signal

import pytest

from rios_flows.rioserrors import JobMgrError, UnavailableError
from rios_flows.workers.launchers import batch
from rios_flows.workers.launchers.undertaker import Undertaker
from tests.support.queues import Queue, Starts, order, shadow, wait_for, wait_until
from tests.workers.launchers.conftest import SETS


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
@contextmanager
def interrupted(seconds: float) -> Iterator[None]:
    """Press Ctrl-C after a while."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal(SIGALRM, interrupt)
    setitimer(ITIMER_REAL, seconds)
    try:
        yield
    finally:
        setitimer(ITIMER_REAL, 0)
        signal(SIGALRM, before)


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


def test_answer_that_is_no_id(queue: Queue, launch: Starts, tmp_path: Path) -> None:
    shadow(tmp_path / "bin", queue.words["submit"], "cat >/dev/null; echo fine, thank you")
    with pytest.raises(JobMgrError, match=r"does not take the job of a worker: you .exit code 0"):
        launch([0, 1], "true")


def test_interruption_while_the_queue_hangs(
    queue: Queue, launch: Starts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "LEAVING", 1.5)
    launcher = launch([], "exec sleep 60")
    shadow(tmp_path / "bin", queue.words["submit"], "exec sleep 60")
    with interrupted(0.3):
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            launcher.start([0])
    assert time.monotonic() - begun < 15
    assert not launcher.jobs()


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

    with interrupted(0.3), pytest.raises(KeyboardInterrupt):
        launcher.start([0, 1])
    assert len(launcher.jobs()) == len(queue.ids()) == 2
    launcher.close()
    assert not queue.ids()


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
