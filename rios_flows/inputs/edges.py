"""The margin beyond the edge of an image: which of its pixels stand there in place of none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rios_flows.basics.types import BlockArray
    from rios_flows.geometry.grid import ApplierBlockDefn


@dataclass(frozen=True, slots=True)
class Side:
    """Where an image ends along one axis, in the working grid's pixels.

    A limit is None where the image ends inside the working grid: there is nothing to go on with.
    """

    first: int | None
    last: int | None  # one past

    @classmethod
    def of(cls, offset: int, size: int, whole: int) -> Side:
        """Take an image's place in a grid of ``whole`` pixels along this axis."""
        return cls(
            offset if offset <= 0 else None, offset + size if offset + size >= whole else None
        )

    def reflected(self, positions: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return where to take pixels from: ``d c b a | a b c d | d c b a``."""
        first, last = self.first, self.last
        if first is not None and last is not None:
            size = last - first
            inside = (positions - first) % (2 * size)
            return first + np.minimum(inside, 2 * size - 1 - inside)
        if first is not None:
            return np.where(positions < first, 2 * first - 1 - positions, positions)
        if last is not None:
            return np.where(positions >= last, 2 * last - 1 - positions, positions)
        return positions

    def nearest(self, positions: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return where to take pixels from: ``a a a a | a b c d | d d d d``."""
        highest = None if self.last is None else self.last - 1
        if self.first is None and highest is None:
            return positions
        return np.clip(positions, self.first, highest)


@dataclass(frozen=True, slots=True)
class Edges:
    """How the margin of an input is filled beyond the working grid, where its image ends there."""

    fill: str
    rows: Side
    cols: Side
    # of the working grid
    size: tuple[int, int]

    @classmethod
    def of(
        cls, fill: str, offset: tuple[int, int], size: tuple[int, int], grid: tuple[int, int]
    ) -> Edges | None:
        """Take an image's place (column and row, width and height); None where nothing is filled.

        ``grid`` has width and height of the working grid.
        """
        if fill == "nodata":
            return None
        cols, rows = (Side.of(*axis) for axis in zip(offset, size, grid, strict=True))
        return cls(fill, rows, cols, grid)

    def filled(self, pixels: BlockArray, block: ApplierBlockDefn, margin: int) -> BlockArray:
        """Fill pixels (bands, rows, cols) of a block, margin included."""
        width, height = self.size
        top, left = block.top - margin, block.left - margin
        nrows, ncols = pixels.shape[-2:]
        if top >= 0 and left >= 0 and top + nrows <= height and left + ncols <= width:
            return pixels
        rows = self._sources(self.rows, top, nrows, height)
        cols = self._sources(self.cols, left, ncols, width)
        filled: BlockArray = pixels[:, rows[:, np.newaxis], cols]
        return filled

    def _sources(self, side: Side, start: int, count: int, whole: int) -> NDArray[np.intp]:
        """Return which of the pixels that are there each pixel is taken from."""
        here = np.arange(start, start + count)
        sources = side.reflected(here) if self.fill == "reflect" else side.nearest(here)
        # where the margin is wider than the image, some have no pixel to be taken from
        return np.clip(sources, start, start + count - 1) - start
