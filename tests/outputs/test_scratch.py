"""The lock of an output; where there are no kernel locks, by host, process and heartbeat."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rios_flows.outputs.publishing import locks
from rios_flows.outputs.publishing.scratch import ScratchDirectory


def without_locks(handle: int, operation: int) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


@pytest.fixture
def heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", without_locks)
    monkeypatch.setattr(locks, "HEARTBEAT", 0.02)


@pytest.fixture(params=["kernel lock", "heartbeat"])
def final(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "heartbeat":
        request.getfixturevalue("heartbeat")
    return str(tmp_path / "out.tif")


@pytest.fixture(autouse=True)
def nobody_goes_on() -> Iterator[None]:
    yield
    assert "output-lock" not in [thread.name for thread in threading.enumerate()]


def owned_by(final: str, host: str, pid: int, age: float, system: str = "") -> None:
    """Leave a scratch directory as a run that ended without a word has left it."""
    folder = Path(final).with_name(".out.tif.rios_flows")
    folder.mkdir(0o700)
    words = {"host": host, "system": system, "pid": pid, "since": "some day"}
    for name in ("lock", "owner"):
        lock = folder / name
        lock.write_text(json.dumps(words))
        os.utime(lock, (time.time() - age,) * 2)
    (folder / "journal").write_text("of another run")


def this_system() -> str:
    return str(json.loads(locks.signature())["system"])


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
    owned_by(final, socket.gethostname(), dead_process(), age=0, system=this_system())
    found = ScratchDirectory(final)
    assert (found.path / "journal").exists()
    found.release()


def test_the_lock_of_a_silent_host_is_stale(final: str) -> None:
    owned_by(final, "elsewhere", 1, age=2 * locks.SILENCE)
    found = ScratchDirectory(final)
    assert (found.path / "journal").exists()
    found.release()


def test_what_is_kept_is_found_again(final: str) -> None:
    first = ScratchDirectory(final)
    (first.path / "journal").write_text("blocks")
    first.release(keep=True)
    second = ScratchDirectory(final)
    assert (second.path / "journal").read_text() == "blocks"
    second.clear()
    assert [path.name for path in second.path.iterdir()] in (["lock"], ["owner"])
    second.release()


@pytest.mark.parametrize("part", ["boot", "processes"])
def test_a_container_of_the_same_name_is_not_taken_for_dead(
    tmp_path: Path, heartbeat: None, part: str
) -> None:
    # there, the number is that of another process
    boot, processes = this_system().split(" ")
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert processes == os.readlink("/proc/self/ns/pid")
    system = f"another {processes}" if part == "boot" else f"{boot} pid:[1]"
    final = str(tmp_path / "out.tif")
    owned_by(final, socket.gethostname(), dead_process(), age=1, system=system)
    with pytest.raises(BlockingIOError, match="since some day"):
        ScratchDirectory(final)


def test_nothing_tells_systems_apart(
    tmp_path: Path, heartbeat: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_system", lambda: "")
    final = str(tmp_path / "out.tif")
    owned_by(final, socket.gethostname(), dead_process(), age=1)
    with pytest.raises(BlockingIOError, match="since some day"):
        ScratchDirectory(final)


def test_another_host_that_shows_life_is_not_disturbed(tmp_path: Path, heartbeat: None) -> None:
    final = str(tmp_path / "out.tif")
    owned_by(final, "elsewhere", 1, age=1)
    with pytest.raises(BlockingIOError, match="process 1 on elsewhere, since some day"):
        ScratchDirectory(final)


def test_an_owner_shows_life(tmp_path: Path, heartbeat: None) -> None:
    owner = ScratchDirectory(str(tmp_path / "out.tif"))
    lock = owner.path / "owner"
    os.utime(lock, (0, 0))
    wait_until(lambda: lock.stat().st_mtime > 1)
    assert lock.stat().st_mtime > time.time() - 60
    owner.release()


def test_clocks_that_differ(
    tmp_path: Path, heartbeat: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # times of files are the server's, whatever this host takes for the time
    final = str(tmp_path / "out.tif")
    owned_by(final, "elsewhere", 1, age=1)
    now = time.time()
    for shift in (-1e6, 1e6):
        monkeypatch.setattr(time, "time", lambda shift=shift: now + shift)
        with pytest.raises(BlockingIOError):
            ScratchDirectory(final)


@pytest.mark.parametrize("stale", [False, True])
def test_many_at_the_same_moment(tmp_path: Path, heartbeat: None, stale: bool) -> None:
    for number in range(20):
        final = str(tmp_path / str(number) / "out.tif")
        os.mkdir(tmp_path / str(number))
        if stale:
            owned_by(final, socket.gethostname(), dead_process(), age=0, system=this_system())
        outcomes = all_at_once(partial(ScratchDirectory, final), 6)
        owners = [item for item in outcomes if isinstance(item, ScratchDirectory)]
        assert len(owners) == 1
        assert sum(isinstance(item, BlockingIOError) for item in outcomes) == 5
        owners[0].check()
        owners[0].release()
        assert os.listdir(tmp_path / str(number)) == []


def all_at_once(action: Callable[[], Any], number: int) -> list[Any]:
    outcomes: list[Any] = []
    ready = threading.Barrier(number)

    def act() -> None:
        ready.wait(10)
        try:
            outcomes.append(action())
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=act) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


def test_who_was_taken_for_dead_leaves_the_next_owner_alone(
    tmp_path: Path, heartbeat: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = str(tmp_path / "out.tif")
    first = ScratchDirectory(final)
    with monkeypatch.context() as patch:
        patch.setattr(locks, "SILENCE", -1.0)
        second = ScratchDirectory(final)
    with pytest.raises(OSError, match=r"taken '.*' over meanwhile"):
        first.check()
    # it does not speak for the other, and takes nothing away
    owner = second.path / "owner"
    second._lock._ended.set()  # type: ignore[attr-defined]
    time.sleep(0.1)
    os.utime(owner, (0, 0))
    time.sleep(0.1)
    assert owner.stat().st_mtime == 0
    (second.path / "new").mkdir()
    first.release()
    second.check()
    assert (second.path / "new").exists()
    second.release()
    assert os.listdir(tmp_path) == []


def test_a_takeover_that_was_killed(
    tmp_path: Path, heartbeat: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = str(tmp_path / "out.tif")
    owned_by(final, "elsewhere", 1, age=2 * locks.SILENCE)
    right = tmp_path / ".out.tif.rios_flows" / "takeover"
    right.touch()
    os.utime(right, (0, 0))
    ScratchDirectory(final).release()
    assert os.listdir(tmp_path) == []


def test_no_room_for_a_lock(final: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="no room"):
            ScratchDirectory(final)
    assert os.listdir(os.path.dirname(final)) == []
    ScratchDirectory(final).release()


@pytest.mark.parametrize("name", ["unlink", "rmdir", "listdir"])
def test_a_release_that_was_interrupted(
    final: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    scratch = ScratchDirectory(final)
    (scratch.path / "new").mkdir()
    real = getattr(os, name)

    def interrupted(*arguments: Any, **named: Any) -> Any:
        real(*arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(os, name, interrupted)
        scratch.release()
    scratch.release()
    assert os.listdir(os.path.dirname(final)) == []


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()
