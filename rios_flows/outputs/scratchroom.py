"""Room for pixels: in memory, and in a scratch file where it becomes too much."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import IO

import numpy as np
from numpy.typing import NDArray

#: How much is kept in memory (bytes).
MEMORY_LIMIT = 128 << 20

#: How much is made at a time, of small pieces (bytes): a process may map only so many.
EXTENT_BYTES = 8 << 20


class ScratchRoom:
    """Hands out pieces of room, all of one size, and takes them back.

    The scratch file has no name: it is gone when the room is closed or the process ends.

    Parameters
    ----------
    nbytes : int
        Size of a piece (bytes).
    directory : str
        Where the scratch file is made.
    memory_limit : int
        How much is kept in memory (bytes).
    """

    def __init__(self, nbytes: int, directory: str, memory_limit: int = MEMORY_LIMIT) -> None:
        # a multiple of any type's size
        self._nbytes = -(-nbytes // 16) * 16
        self._directory = directory
        self._memory = memory_limit
        self._free: list[NDArray[np.uint8]] = []
        self._file: IO[bytes] | None = None
        self._end = 0

    def take(self) -> NDArray[np.uint8]:
        """Return a piece of room with anything in it; raise OSError if the disk is full."""
        if not self._free:
            count = max(1, EXTENT_BYTES // self._nbytes)
            extent = self._extent(count * self._nbytes)
            self._free = list(extent.reshape(count, self._nbytes))
        return self._free.pop()

    def give_back(self, piece: NDArray[np.uint8]) -> None:
        """Let a piece be used again."""
        self._free.append(piece)

    def close(self) -> None:
        """Let go of the scratch file; its room stays as long as somebody has a piece of it."""
        self._free.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _extent(self, nbytes: int) -> NDArray[np.uint8]:
        if nbytes <= self._memory:
            self._memory -= nbytes
            return np.empty(nbytes, np.uint8)
        if self._file is None:
            # closed by close(), much later
            self._file = tempfile.TemporaryFile(  # noqa: SIM115
                prefix="rios_blocks_", dir=self._directory
            )
        start = self._end
        self._end += -(-nbytes // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        # a disk that is full is to say so here, and not by a signal when pixels are put in
        os.posix_fallocate(self._file.fileno(), start, self._end - start)
        return np.frombuffer(mmap.mmap(self._file.fileno(), nbytes, offset=start), np.uint8)
