"""The hidden directory beside an output in which it grows, and the lock that keeps others out."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import shutil
import socket
import threading
import time
from pathlib import Path

from rios_flows import rioserrors

logger = logging.getLogger(__name__)

#: Where a file system has no kernel locks: how often an owner shows that it lives, and after what
#: silence it is taken for dead (s).
HEARTBEAT = 5.0
SILENCE = 60.0

_NO_KERNEL_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)
_LOCK = "lock"


class ScratchDirectory:
    """A directory beside a file, named after it, that one run at a time may use.

    What a killed run has left there is found by the next one for the same file.

    Parameters
    ----------
    final : str
        Absolute path of the file that is to come.

    Raises
    ------
    BlockingIOError
        If another run uses it; the message says which.
    OSError
        If it cannot be made.
    """

    def __init__(self, final: str) -> None:
        folder, name = os.path.split(final)
        self.path = Path(folder, f".{name}.rios_flows")
        self._beating: threading.Event | None = None
        self._handle = self._lock()

    def clear(self) -> None:
        """Remove what an earlier run has left."""
        for entry in self.path.iterdir():
            if entry.name == _LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def release(self, keep: bool = False) -> None:
        """Let others in; remove the directory, unless it is to be kept. Once is enough."""
        handle, self._handle = self._handle, -1
        if handle < 0:
            return
        if self._beating is not None:
            self._beating.set()
        try:
            if not keep:
                # the lock goes last: who finds it gone makes a new directory
                self.clear()
            os.unlink(self.path / _LOCK)
            if not keep:
                os.rmdir(self.path)
        except OSError as error:
            logger.warning("Something stays behind in '%s': %s", self.path, error)
        finally:
            os.close(handle)

    def _lock(self) -> int:
        while True:
            self.path.mkdir(exist_ok=True)
            try:
                handle = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:
                continue  # the owner has just removed it all
            try:
                self._take(handle)
                if self._is_current(handle):
                    self._sign(handle)
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)

    def _take(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_KERNEL_LOCKS:
                self._take_without_kernel(handle)
            elif isinstance(error, BlockingIOError):
                raise self._busy(handle) from None
            else:
                raise

    def _take_without_kernel(self, handle: int) -> None:
        owner = _owner(handle)
        age = time.time() - os.fstat(handle).st_mtime
        here = owner.get("host") == socket.gethostname()
        if owner and not (here and not _lives(owner.get("pid"))) and age < SILENCE:
            raise self._busy(handle)
        self._beating = threading.Event()
        threading.Thread(
            target=self._beat, args=(self._beating,), name="output-lock", daemon=True
        ).start()

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(HEARTBEAT):
            try:
                os.utime(self.path / _LOCK)
            except OSError:
                return

    def _is_current(self, handle: int) -> bool:
        """Tell whether the file that was locked still is the one that others would find."""
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self.path / _LOCK))
        except FileNotFoundError:
            return False

    def _sign(self, handle: int) -> None:
        words = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.ctime()}
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(words).encode(), 0)

    def _busy(self, handle: int) -> BlockingIOError:
        owner = _owner(handle)
        who = "process {pid} on {host}, since {since}".format_map(owner) if owner else "unknown"
        return BlockingIOError(f"another run is writing it ({who}); wait for that, or end it")


def _owner(handle: int) -> dict[str, object]:
    try:
        words = json.loads(os.pread(handle, 4096, 0))
        return words if {"pid", "host", "since"} <= words.keys() else {}
    except (ValueError, AttributeError):
        return {}


def _lives(pid: object) -> bool:
    try:
        os.kill(int(str(pid)), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return True


def open_scratch(path: str, label: str) -> ScratchDirectory:
    """Take the scratch directory of an output.

    Raises
    ------
    ImageOpenError
        If another run uses it, or it cannot be made.
    """
    try:
        return ScratchDirectory(os.path.abspath(path))
    except OSError as error:
        raise rioserrors.ImageOpenError(
            f"Unable to create '{path}' (output '{label}'): {error}"
        ) from error
