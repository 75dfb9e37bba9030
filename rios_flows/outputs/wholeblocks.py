"""Whole blocks of a file, gathered from the windows that make them up.

GDAL never sees a part of a tile or strip. It would keep that part in its block cache, and any
thread of the process may flush that (the JPEG 2000 driver does, and so does a full cache) while the
writer goes on with the next part: pixels are lost without a word. And nothing is compressed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rios_flows.basics.types import BlockArray
from rios_flows.files.layout import FileLayout
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.outputs.scratchroom import MEMORY_LIMIT, ScratchRoom

#: Writes pixels, shape (bands, rows, cols), at a first column and row.
Writer = Callable[[int, int, BlockArray], None]


class WholeBlocks:
    """Hands windows over to a file by whole blocks, in whatever order the windows come."""

    def __init__(
        self,
        layout: FileLayout,
        window: tuple[int, int],
        write: Writer,
        scratch: str,
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        self._across = _Axis.of(layout.ncols, layout.block_cols, window[0])
        self._down = _Axis.of(layout.nrows, layout.block_rows, window[1])
        self._write = write
        nbytes = self._across.part * self._down.part * layout.pixel_bytes
        self._room = ScratchRoom(nbytes, scratch, memory_limit)
        self._begun: dict[tuple[int, int], _Part] = {}

    @property
    def needed(self) -> bool:
        """Whether there are blocks of the file that several windows share."""
        return self._across.shared or self._down.shared

    def add(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Take in a window, once, shape ``(bands, rows, cols)``, and write what it completes."""
        for row, here_down, there_down in self._down.pieces(block.top, block.nrows):
            for col, here_across, there_across in self._across.pieces(block.left, block.ncols):
                piece = pixels[:, here_down, here_across]
                shape = (len(pixels), self._down.size(row), self._across.size(col))
                if piece.shape == shape:
                    self._hand_over(row, col, piece)
                    continue
                part = self._begun.get((row, col))
                if part is None:
                    part = self._begun[row, col] = _Part.of(self._room, shape, pixels.dtype)
                part.pixels[:, there_down, there_across] = piece
                part.missing -= piece.shape[1] * piece.shape[2]
                if not part.missing:
                    self._hand_over(row, col, part.pixels)
                    self._room.give_back(self._begun.pop((row, col)).room)

    def _hand_over(self, row: int, col: int, pixels: BlockArray) -> None:
        self._write(col * self._across.part, row * self._down.part, pixels)

    def close(self) -> None:
        """Drop what is not whole, and close the scratch file."""
        self._begun.clear()
        self._room.close()


@dataclass(slots=True)
class _Part:
    """A part of the file of which some pixels are still to come."""

    room: NDArray[np.uint8]
    pixels: BlockArray
    missing: int

    @classmethod
    def of(cls, room: ScratchRoom, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Self:
        raw = room.take()
        nbytes = shape[0] * shape[1] * shape[2] * dtype.itemsize
        return cls(raw, raw[:nbytes].view(dtype).reshape(shape), shape[1] * shape[2])


class _Axis(NamedTuple):
    """One direction: a file's length, and that of the parts that it is written in (pixels)."""

    length: int
    part: int
    shared: bool

    @classmethod
    def of(cls, length: int, block: int, window: int) -> Self:
        if window >= length:
            return cls(length, length, False)
        # several blocks at a time where a window has them
        part = min(length, block * max(1, window // block))
        return cls(length, part, window % part != 0)

    def size(self, number: int) -> int:
        """Return how long a part is; the last one may be shorter."""
        return min(self.part, self.length - number * self.part)

    def pieces(self, start: int, length: int) -> Iterator[tuple[int, slice, slice]]:
        """Yield the parts a window touches: number, where in the window, and where in the part."""
        end = start + length
        for number in range(start // self.part, (end - 1) // self.part + 1):
            first = number * self.part
            low, high = max(start, first), min(end, first + self.part)
            yield number, slice(low - start, high - start), slice(low - first, high - first)
