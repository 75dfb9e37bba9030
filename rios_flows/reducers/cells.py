"""Which pixels of a raster go into which cell of an overview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows.geometry.grid import ApplierBlockDefn


class Span(NamedTuple):
    """The cells along one axis that a block has pixels in."""

    first: int  # counted in the whole overview
    number: int
    whole: slice  # those with all their pixels in the block, counted from the first

    @classmethod
    def of(cls, start: int, size: int, factor: int, length: int) -> Span:
        """Return the cells of ``factor`` pixels along an axis; the last one may have fewer."""
        end = start + size
        first, last = start // factor, -(-end // factor)
        whole_first = -(-start // factor)
        whole_end = last if end == length else end // factor
        whole = slice(whole_first - first, max(whole_end, whole_first) - first)
        return cls(first, last - first, whole)


class Tile(NamedTuple):
    """The part of one overview that comes from one block, from a row and column on."""

    row: int
    col: int
    values: NDArray[Any]  # finished cells, (bands, rows, cols)
    # partial values of cells in several blocks, as columns: band, row, column of the cell, and more
    rest: tuple[NDArray[Any], ...] = ()

    @property
    def nbytes(self) -> int:
        """Size (bytes)."""
        return self.values.nbytes + sum(column.nbytes for column in self.rest)

    @property
    def reach(self) -> tuple[int, int]:
        """First row in the overview, and the one after the last."""
        rows = [self.row, self.row + self.values.shape[1]] if self.values.size else []
        if self.rest and self.rest[1].size:
            rows += [int(self.rest[1].min()), int(self.rest[1].max()) + 1]
        return (min(rows), max(rows)) if rows else (0, 0)


def overview_size(size: int, factor: int) -> int:
    """Return how many cells of ``factor`` pixels cover ``size`` pixels."""
    return -(-size // factor)


def overview_levels(
    shape: tuple[int, int], levels: Sequence[int], smallest: int
) -> tuple[int, ...]:
    """Choose the levels that leave more than ``smallest`` pixels of the shorter side, in order."""
    chosen: dict[int, int] = {}
    for level in sorted(set(levels)):
        if min(shape) // level > smallest:
            # the first of those that GDAL cannot distinguish
            chosen.setdefault(_known_as(level, shape), level)
    return tuple(chosen.values())


def _known_as(level: int, shape: tuple[int, int]) -> int:
    """Return the factor that GDAL computes for an overview: it only stores the size of each."""
    # large levels may share one: of 385 columns, 61 and 64 both leave 7
    (rows, cols), (height, width) = shape, (overview_size(size, level) for size in shape)
    # as in GDALComputeOvFactor
    across = cols >= rows // 2 and not (width == 1 and height > 1)
    return int(0.5 + (cols / width if across else rows / height))


def centres(start: int, size: int, factor: int, length: int) -> tuple[int, slice, bool]:
    """Return the first cell, a block's pixels in the middle of it and the next, and if one more."""
    end, half = start + size, factor // 2
    first = max(-(-(start - half) // factor), 0)
    middle = first * factor + half
    number = len(range(middle, end, factor))
    # the raster's edge may cut off the middle of the last cell, which then gets the last pixel
    more = end == length and first + number < overview_size(length, factor)
    return first, slice(middle - start, size, factor), more


def add_up(
    values: NDArray[Any], skip: tuple[int, int], shape: tuple[int, int], factor: int, dtype: Any
) -> NDArray[Any]:
    """Return the sum of each cell; the first cells have ``skip`` fewer rows and columns."""
    whole = shape[0] * factor, shape[1] * factor
    if values.shape != whole:
        padded = np.zeros(whole, values.dtype)
        height, width = values.shape
        padded[skip[0] : skip[0] + height, skip[1] : skip[1] + width] = values
        values = padded
    # rows first: these are neighbours in memory
    sums = values[::factor].astype(dtype)
    for offset in range(1, factor):
        sums += values[offset::factor]
    total = sums[:, ::factor].copy()
    for offset in range(1, factor):
        total += sums[:, offset::factor]
    return total


def cells_of(block: ApplierBlockDefn, factor: int, shape: tuple[int, int]) -> tuple[Span, Span]:
    """Return the rows and columns of cells that a block has pixels in, for a raster's shape."""
    rows = Span.of(block.top, block.nrows, factor, shape[0])
    return rows, Span.of(block.left, block.ncols, factor, shape[1])


def pixels_in(span: Span, start: int, size: int, factor: int) -> NDArray[np.int64]:
    """Return how many pixels of a block each cell has, along one axis."""
    edges = np.arange(span.first, span.first + span.number + 1) * factor
    inside = np.clip(edges, start, start + size)
    return inside[1:] - inside[:-1]


def scattered(rows: Span, cols: Span) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of a block's cells that also lie in other blocks."""
    shared = np.ones((rows.number, cols.number), np.bool_)
    shared[rows.whole, cols.whole] = False
    row, col = np.nonzero(shared)
    return row, col
