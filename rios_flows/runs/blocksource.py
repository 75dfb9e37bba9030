"""Where compute lanes take their blocks from: those that are read, or those that are to be read."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from contextlib import AbstractContextManager
from threading import Lock
from typing import Protocol

from rios_flows.controls.associations import BlockAssociations
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.runs.buffers import BlockBuffer
from rios_flows.runs.checkpoints import Checkpoints


class Blocks(Sized, Iterable[ApplierBlockDefn], Protocol):
    """The blocks of a run, in order."""


class BlockSource:
    """Hands out each block once, to whichever lane is first.

    Without a buffer of blocks that are read, whoever computes a block reads it, too.
    """

    def __init__(
        self, blocks: Blocks, read: BlockBuffer | None, checkpoints: Checkpoints | None
    ) -> None:
        self._read = read
        self._checkpoints = checkpoints
        self._to_read = iter(blocks)
        self._left = len(blocks)
        self._lock = Lock()

    @property
    def left(self) -> int:
        """How many blocks nobody has taken."""
        return self._left

    def take(
        self, waiting: AbstractContextManager[None], wait: bool = True
    ) -> tuple[ApplierBlockDefn, BlockAssociations | None] | None:
        """Return a block and what was read of it; None when all are taken.

        Whoever has other blocks under way does not wait, and gets None where none is ready.
        """
        with self._lock:
            if not self._left:
                return None
            self._left -= 1
        taken = self._take(waiting, wait)
        if taken is None:
            with self._lock:
                self._left += 1
        return taken

    def _take(
        self, waiting: AbstractContextManager[None], wait: bool
    ) -> tuple[ApplierBlockDefn, BlockAssociations | None] | None:
        checkpoints, read = self._checkpoints, self._read
        if checkpoints is not None:
            # a block that is counted cannot be given back
            if not wait and read is not None:
                return None
            if not checkpoints.take_block(wait):
                return None
        if read is None:
            with self._lock:
                return next(self._to_read), None
        if not wait:
            return read.popReadyBlock()
        with waiting:
            return read.popNextBlock()
