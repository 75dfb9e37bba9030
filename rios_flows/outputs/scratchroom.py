"""Room for pixels: in memory, and in a scratch file beyond a limit."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import IO

import numpy as np
from numpy.typing import NDArray

#: How much is kept in memory (bytes).
MEMORY_LIMIT = 128 << 20

#: How much is allocated at a time, at least (bytes), and as which part of what the file has: each
#: extent takes a descriptor, and a process may have only so many.
EXTENT_BYTES = 8 << 20
GROWTH = 8


class ScratchRoom:
    """Hands out pieces of room, all of ``nbytes`` bytes, and takes them back."""

    def __init__(self, nbytes: int, directory: str, memory_limit: int = MEMORY_LIMIT) -> None:
        # a multiple of any type's size
        self._nbytes = -(-nbytes // 16) * 16
        self._directory = directory
        self._memory = memory_limit
        self._free: list[NDArray[np.uint8]] = []
        self._file: IO[bytes] | None = None
        self._end = 0

    def take(self) -> NDArray[np.uint8]:
        """Return a piece of room, not cleared; raise OSError if the disk is full."""
        if not self._free:
            count = max(1, max(EXTENT_BYTES, self._end // GROWTH) // self._nbytes)
            extent = self._extent(count * self._nbytes)
            self._free = list(extent.reshape(count, self._nbytes))
        return self._free.pop()

    def give_back(self, piece: NDArray[np.uint8]) -> None:
        """Let a piece be used again."""
        self._free.append(piece)

    def close(self) -> None:
        """Close the scratch file; its room stays as long as somebody has a piece of it."""
        self._free.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _extent(self, nbytes: int) -> NDArray[np.uint8]:
        if nbytes <= self._memory:
            self._memory -= nbytes
            return np.empty(nbytes, np.uint8)
        if self._file is None:
            # without a name: it is gone when it is closed or the process ends
            self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115
        start = self._end
        self._end += -(-nbytes // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        # a full disk must raise an error here, not a signal when pixels are put in
        os.posix_fallocate(self._file.fileno(), start, self._end - start)
        return np.frombuffer(mmap.mmap(self._file.fileno(), nbytes, offset=start), np.uint8)
