"""Locks on a directory: the kernel's, or a claim on file systems that have none."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from rios_flows.basics.forks import close, keep_from_children
from rios_flows.outputs.publishing.directories import made_in

#: How often the owner of a claim shows that it lives, and after what silence it counts as dead (s).
HEARTBEAT = 5.0
SILENCE = 60.0

_NO_KERNEL_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)


class Lock:
    """A file that one owner at a time has; to take it raises BlockingIOError, which names them."""

    path: Path
    _handle: int

    @property
    def held(self) -> bool:
        """Whether the file still is the one that others would find."""
        return self._handle >= 0 and _is_at(self._handle, self.path)

    def release(self) -> None:
        """Let others in. Call it until it returns."""
        if self.held:
            os.unlink(self.path)
        handle, self._handle = self._handle, -1
        if handle >= 0:
            close(handle)


class KernelLock(Lock):
    """A file that the kernel has locked until its owner ends; raises OSError if it cannot."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self._handle = self._locked()
        # a child that outlives this process would keep others out
        keep_from_children(self._handle)
        try:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, signature(), 0)
        except BaseException:
            self.release()
            raise

    def _locked(self) -> int:
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                self._lock(handle)
                if _is_at(handle, self.path):
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)  # its owner has just removed it

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy(_read(handle)) from None
        except OSError:
            if os.fstat(handle).st_size == 0:
                # nobody has ever locked it
                self.path.unlink(missing_ok=True)
            raise


class Claim(Lock):
    """A file that its owner has created and touches from time to time, as long as it lives."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "owner"
        self._folder = folder
        self._handle = self._claimed()
        self._ended = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="output-lock", daemon=True)
        try:
            self._beating.start()
        except BaseException:
            os.unlink(self.path)
            os.close(self._handle)
            raise

    def release(self) -> None:
        """Let others in. Call it until it returns."""
        self._ended.set()
        self._beating.join()
        super().release()

    def _claimed(self) -> int:
        while True:
            try:
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                self._end_stale()
                continue
            try:
                os.write(handle, signature())
                if _is_at(handle, self.path):
                    return handle
            except BaseException:
                self.path.unlink(missing_ok=True)
                os.close(handle)
                raise
            os.close(handle)

    def _end_stale(self) -> None:
        """Remove the claim of a dead owner; raise BlockingIOError if it lives."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return
        try:
            owner = _read(handle)
            if not ended(owner) and self._age(handle) < SILENCE:
                raise busy(owner)
            self._remove(handle)
        finally:
            os.close(handle)

    def _remove(self, judged: int) -> None:
        """Remove the claim that was judged, but not one that has taken its place meanwhile."""
        right = self._folder / "takeover"  # one at a time may do that
        try:
            os.close(os.open(right, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            with suppress(FileNotFoundError):
                handle = os.open(right, os.O_RDONLY | os.O_NOFOLLOW)
                stale = self._age(handle) >= SILENCE
                os.close(handle)
                if stale:
                    os.unlink(right)
            time.sleep(0.01)
            return
        try:
            if _is_at(judged, self.path):
                os.unlink(self.path)
        finally:
            right.unlink(missing_ok=True)

    def _age(self, handle: int) -> float:
        """Return how long nobody has touched a file (s), by the clock of its file system."""
        return made_in(self._folder).st_mtime - os.fstat(handle).st_mtime

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT):
            # what fails once may work the next time
            with suppress(OSError):
                if not self.held:
                    return
                os.utime(self._handle)


def take_lock(folder: Path) -> Lock:
    """Lock a directory, or raise BlockingIOError, whose message says who has locked it."""
    try:
        return KernelLock(folder)
    except OSError as error:
        if error.errno not in _NO_KERNEL_LOCKS:
            raise
    return Claim(folder)


def signature(**further: str) -> bytes:
    """Return who this is, for others to read."""
    me = {"host": socket.gethostname(), "system": _system(), "pid": os.getpid()}
    return json.dumps(me | {"since": time.ctime()} | further).encode()


def owner_in(data: bytes) -> dict[str, object]:
    """Return what a :func:`signature` says; empty if it is none."""
    try:
        words = json.loads(data)
        return words if {"pid", "host", "since"} <= words.keys() else {}
    except (ValueError, AttributeError):
        return {}


def busy(owner: dict[str, object]) -> BlockingIOError:
    """Make the error for a lock that another has."""
    who = "process {pid} on {host}, since {since}".format_map(owner) if owner else "unknown"
    return BlockingIOError(f"another run is writing it ({who}); wait for that, or end it")


def ended(owner: dict[str, object]) -> bool:
    """Tell whether an owner was a process of this system, and has ended."""
    if not _system() or owner.get("system") != _system():
        return False
    try:
        os.kill(int(str(owner.get("pid"))), 0)
    except (ProcessLookupError, ValueError):
        return True
    except PermissionError:
        pass
    return False


def _system() -> str:
    """Name the system whose processes this one sees, since containers may share a host name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _read(handle: int) -> dict[str, object]:
    return owner_in(os.pread(handle, 4096, 0))


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False
