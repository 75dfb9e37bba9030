"""Temporary files of a run, in a directory of their own."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
import weakref
from contextlib import suppress

from rios_flows.rioserrors import FileOpenError

_PREFIX = "rios_"
#: Locked as long as its process lives, and a sign that the directory may be removed later.
_MARK = ".in-use-by-rios_flows"
_HOST = os.uname().nodename.encode()


class TempfileManager:
    """Makes temporary files, and removes them all together; thread-safe, for one process.

    The directory ``rios_...`` is made with the first file, and removed by :meth:`cleanup`, on
    leaving a ``with`` block, when the object goes, or at the latest when the interpreter exits.
    What a killed process has left there is removed when another one makes its own.

    Parameters
    ----------
    tempdir : str
        Where that directory is made; must exist by that time.
    """

    def __init__(self, tempdir: str | os.PathLike[str]) -> None:
        self.tempdir = os.fspath(tempdir)
        self._lock = threading.Lock()
        self._directory: str | None = None
        self._remove: weakref.finalize[[str, int, int], TempfileManager] | None = None

    @property
    def directory(self) -> str:
        """The directory of the temporary files, made now if it is missing."""
        with self._lock:
            if self._directory is None:
                self._directory = self._make()
                mark = _hold(self._directory)
                self._remove = weakref.finalize(self, _remove, self._directory, os.getpid(), mark)
                _sweep(os.path.dirname(self._directory))
            return self._directory

    def mktempfile(self, prefix: str | None = None, suffix: str | None = None) -> str:
        """Make a new empty file, and return its full name."""
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=self.directory)
        os.close(handle)
        return name

    def cleanup(self) -> None:
        """Remove all temporary files and their directory; never raises."""
        with self._lock:
            if self._remove is not None:
                self._remove()
            self._directory = self._remove = None

    def __enter__(self) -> TempfileManager:
        return self

    def __exit__(self, *_: object) -> None:
        self.cleanup()

    def _make(self) -> str:
        try:
            return tempfile.mkdtemp(prefix=_PREFIX, dir=os.path.abspath(self.tempdir))
        except OSError as error:
            raise FileOpenError(
                f"Unable to make a directory for temporary files in '{self.tempdir}': "
                f"{error.strerror or error}; choose another with setTempdir"
            ) from error


def _remove(directory: str, owner: int, mark: int) -> None:
    # a forked child has inherited this call, but not the files
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
        with suppress(OSError):
            os.close(mark)


def _hold(directory: str) -> int:
    """Mark a directory as in use by a process of this host; return the open mark."""
    mark, name = tempfile.mkstemp(dir=directory)
    # without locks nobody could tell whether it is in use, so there is no mark
    with suppress(OSError):
        os.write(mark, _HOST)
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(name, os.path.join(directory, _MARK))
    return mark


def _sweep(folder: str) -> None:
    """Remove the directories that processes of this user have left when they were killed."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX):
                with suppress(OSError):
                    _remove_unless_held(entry.path)


def _remove_unless_held(directory: str) -> None:
    mark = os.open(os.path.join(directory, _MARK), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        # locks of other hosts may be unknown here
        if os.fstat(mark).st_uid == os.geteuid() and os.read(mark, len(_HOST) + 1) == _HOST:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)
    finally:
        os.close(mark)
