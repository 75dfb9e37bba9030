"""A temporary place for an output that is uploaded when it is complete."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path

from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.outputs.publishing.remotelock import RemoteLock
from rios_flows.outputs.publishing.upload import Bucket


class RemotePlace:
    """A temporary directory for an output in S3, locked against other runs: else ImageOpenError."""

    can_be_undone = False

    def __init__(self, path: str, label: str, tempdir: str) -> None:
        self._stale: Collection[str] = ()
        self._bucket = Bucket(path, label)
        with ExitStack() as stack:
            stack.callback(self._bucket.close)
            with self._bucket.opening():
                self._lock = RemoteLock(self._bucket)
            stack.callback(self._lock.release)
            self._files = TempfileManager(tempdir)
            self.path = Path(self._files.directory)
            stack.pop_all()
        self.name = self._bucket.name

    def clear(self) -> None:
        """Do nothing: the directory is new."""

    def prepare(self, stale: Collection[str]) -> None:
        """Upload all, in parts that become objects only at the end."""
        self._stale = stale
        new = self.path / "new"
        self._bucket.send(
            [new / name for name in sorted(os.listdir(new), key=lambda name: name == self.name)]
        )

    def move_in(self) -> None:
        """Let the parts become objects, the output itself last."""
        self._lock.check()
        self._bucket.finish()
        self._bucket.remove(self._stale)

    def commit(self) -> None:
        """Do nothing: all is final already."""

    def undo(self) -> None:
        """Do nothing: what is not an object yet goes with :meth:`release`."""

    def release(self, keep: bool = False) -> None:
        """Let others in, and remove the directory: no run can continue it. May be called again."""
        with ExitStack() as stack:
            # each of them, whatever happens to the others
            for step in (self._bucket.close, self._lock.release, self._files.cleanup):
                stack.callback(step)
            self._bucket.abandon()
