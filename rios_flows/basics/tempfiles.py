"""Temporary files of a run, in a directory of their own."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref

from rios_flows.rioserrors import FileOpenError


class TempfileManager:
    """Makes temporary files, and removes them all together; thread-safe, for one process.

    The directory ``rios_...`` is made with the first file, and removed by :meth:`cleanup`, on
    leaving a ``with`` block, when the object goes, or at the latest when the interpreter exits.

    Parameters
    ----------
    tempdir : str
        Where that directory is made; must exist by that time.
    """

    def __init__(self, tempdir: str | os.PathLike[str]) -> None:
        self.tempdir = os.fspath(tempdir)
        self._lock = threading.Lock()
        self._directory: str | None = None
        self._remove: weakref.finalize[[str, int], TempfileManager] | None = None

    @property
    def directory(self) -> str:
        """The directory of the temporary files, made now if it is missing."""
        with self._lock:
            if self._directory is None:
                self._directory = self._make()
                self._remove = weakref.finalize(self, _remove, self._directory, os.getpid())
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
            return tempfile.mkdtemp(prefix="rios_", dir=os.path.abspath(self.tempdir))
        except OSError as error:
            raise FileOpenError(
                f"Unable to make a directory for temporary files in '{self.tempdir}': "
                f"{error.strerror or error}; choose another with setTempdir"
            ) from error


def _remove(directory: str, owner: int) -> None:
    # a forked child has inherited this call, but not the files
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
