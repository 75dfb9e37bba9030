"""The lock of an output; where there are no kernel locks, by host, process and heartbeat."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from pathlib import Path

import pytest

from rios_flows.targets import scratch
from rios_flows.targets.scratch import ScratchDirectory


@pytest.fixture(params=["kernel lock", "heartbeat"])
def final(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "heartbeat":

        def without_locks(handle: int, operation: int) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", without_locks)
        monkeypatch.setattr(scratch, "HEARTBEAT", 0.05)
    return str(tmp_path / "out.tif")


def owned_by(final: str, host: str, pid: int, age: float) -> None:
    """Leave a scratch directory as a run that ended without a word has left it."""
    folder = Path(final).with_name(".out.tif.rios_flows")
    folder.mkdir()
    lock = folder / "lock"
    lock.write_text(json.dumps({"host": host, "pid": pid, "since": "some day"}))
    os.utime(lock, (time.time() - age,) * 2)
    (folder / "journal").write_text("of another run")


def dead_process() -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_one_at_a_time(final: str) -> None:
    first = ScratchDirectory(final)
    with pytest.raises(BlockingIOError, match=f"process {os.getpid()} on {socket.gethostname()}"):
        ScratchDirectory(final)
    first.release()
    first.release()
    assert not first.path.exists()
    ScratchDirectory(final).release()


def test_the_lock_of_a_dead_process_is_stale(final: str) -> None:
    owned_by(final, socket.gethostname(), dead_process(), age=0)
    found = ScratchDirectory(final)
    assert (found.path / "journal").exists()
    found.release()


def test_the_lock_of_a_silent_host_is_stale(final: str) -> None:
    owned_by(final, "elsewhere", 1, age=2 * scratch.SILENCE)
    ScratchDirectory(final).release()


def test_what_is_kept_is_found_again(final: str) -> None:
    first = ScratchDirectory(final)
    (first.path / "journal").write_text("blocks")
    first.release(keep=True)
    second = ScratchDirectory(final)
    assert (second.path / "journal").read_text() == "blocks"
    second.clear()
    assert [path.name for path in second.path.iterdir()] == ["lock"]
    second.release()


def test_another_host_that_shows_life_is_not_disturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_locks(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", without_locks)
    final = str(tmp_path / "out.tif")
    owned_by(final, "elsewhere", 1, age=1)
    with pytest.raises(BlockingIOError, match="process 1 on elsewhere, since some day"):
        ScratchDirectory(final)


def test_an_owner_shows_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_locks(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", without_locks)
    monkeypatch.setattr(scratch, "HEARTBEAT", 0.02)
    owner = ScratchDirectory(str(tmp_path / "out.tif"))
    lock = owner.path / "lock"
    os.utime(lock, (0, 0))
    end = time.monotonic() + 5
    while lock.stat().st_mtime < 1 and time.monotonic() < end:
        time.sleep(0.01)
    assert lock.stat().st_mtime > time.time() - 60
    owner.release()
