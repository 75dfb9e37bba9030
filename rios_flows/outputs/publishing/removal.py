"""Removing files without waiting until the file system has freed what they take."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from rios_flows.basics import forks

#: Smaller files are freed at once (bytes): that takes about a millisecond.
_LARGE = 8 * 2**20

#: Files that are freed later, at most.
_MOST = 64


class Held:
    """Large files of a directory, held open so that the file system cannot free them yet.

    To free a gigabyte takes about 0.2 s, which the kernel does when the last one who has the file
    open closes it. Files that have a name elsewhere, too, are left out.
    """

    def __init__(self, directory: Path) -> None:
        self._handles: list[int] = []
        # what cannot be opened is freed as it is removed
        with suppress(OSError):
            for folder, _, names in os.walk(directory):
                for name in names:
                    self._hold(os.path.join(folder, name))

    def _hold(self, path: str) -> None:
        found = os.lstat(path)
        if found.st_size >= _LARGE and found.st_nlink == 1 and len(self._handles) < _MOST:
            self._handles.append(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
            forks.keep_from_children(self._handles[-1])

    def let_go(self) -> None:
        """Have them freed, if they are removed, before this returns."""
        while self._handles:
            forks.close(self._handles.pop())

    def let_go_later(self) -> None:
        """Have them freed meanwhile."""
        if not self._handles:
            return
        try:
            Thread(target=self.let_go, name="free").start()
        except RuntimeError:
            # Python is about to end, or the process has all the threads that it may have
            self.let_go()


@contextmanager
def freed_later(directory: Path) -> Iterator[Held]:
    """Have large files that are removed in this context freed after it, in a thread."""
    held = Held(directory)
    try:
        yield held
    finally:
        # not before: to remove a directory waits for the files that are being freed in it
        held.let_go_later()
