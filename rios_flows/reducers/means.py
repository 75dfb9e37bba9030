"""Overviews whose cells hold the mean, or the root of the mean square, of their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reducers.cells import Span, Tile, add_up, cells_of, pixels_in, scattered
from rios_flows.reducers.nodata import is_absent, without_pixels


class _Sums(NamedTuple):
    """Sums of valid pixels, or of their squares, over a block's cells: shape ``(rows, cols)``."""

    factor: int  # pixels along each side of a cell
    rows: Span
    cols: Span
    values: NDArray[Any]
    counts: NDArray[Any] | None  # valid pixels; None if all are


class Means:
    """Fills cells with the mean of valid pixels, or the root of the mean square, rounded as GDAL's.

    Integers of 64 bits are averaged as float64.
    """

    def __init__(
        self, shape: tuple[int, int], dtype: np.dtype[Any], nodata: Any, *, squares: bool
    ) -> None:
        self._shape = shape
        self._dtype = dtype
        self._nodata = None if nodata is None else dtype.type(nodata)
        self._squares = squares
        # exact as long as the sum over a cell fits in int64
        exact = dtype.kind in "iu" and dtype.itemsize <= (2 if squares else 4)
        self._sum_type = np.dtype(np.int64 if exact else np.float64)

    # infinite pixels make infinite or undefined means
    @np.errstate(over="ignore", invalid="ignore")
    def tiles(
        self, block: ApplierBlockDefn, array: NDArray[Any], levels: Sequence[int]
    ) -> list[Tile]:
        """Return a block's part of each overview."""
        bands = [self._sums(block, pixels, levels) for pixels in array]
        return [self._tile(level) for level in zip(*bands, strict=True)]

    def blank(self, shape: tuple[int, int, int]) -> NDArray[Any]:
        """Return cells with no valid pixel."""
        return without_pixels(shape, self._dtype, self._nodata)

    @np.errstate(over="ignore", invalid="ignore")
    def finish(self, strip: NDArray[Any], start: int, rest: list[tuple[NDArray[Any], ...]]) -> None:
        """Fill the cells that lie in several blocks, whose sums come block by block."""
        if not rest:
            return
        sums = np.zeros(strip.shape, self._sum_type)
        counts = np.zeros(strip.shape, np.int64)
        shared = np.zeros(strip.shape, np.bool_)
        for band, row, col, values, numbers in rest:
            # no cell occurs twice in one block
            place = band, row - start, col
            sums[place] += values
            counts[place] += numbers
            shared[place] = True
        strip[shared] = self._means(sums[shared], counts[shared])

    def _sums(
        self, block: ApplierBlockDefn, pixels: NDArray[Any], levels: Sequence[int]
    ) -> list[_Sums]:
        """Add up the pixels of one band of a block over the cells of each level."""
        absent = is_absent(pixels, self._nodata)
        values = pixels if absent is None else np.where(absent, self._dtype.type(0), pixels)
        if self._squares:
            values = np.square(values, dtype=self._sum_type)
        valid = None if absent is None else (~absent).view(np.uint8)
        made = [_Sums(1, *cells_of(block, 1, self._shape), values, valid)]
        for level in levels:
            # use the sums of smaller cells that fill these
            base = next(one for one in reversed(made) if level % one.factor == 0)
            made.append(self._sums_of(block, level, base))
        return made[1:]

    def _sums_of(self, block: ApplierBlockDefn, level: int, base: _Sums) -> _Sums:
        """Add up smaller cells, or pixels, over the cells of one level."""
        rows, cols = cells_of(block, level, self._shape)
        factor = level // base.factor
        skip = base.rows.first - rows.first * factor, base.cols.first - cols.first * factor
        shape = rows.number, cols.number
        values = add_up(base.values, skip, shape, factor, self._sum_type)
        if base.counts is not None:
            counts = add_up(base.counts, skip, shape, factor, np.int32)
        else:
            heights = pixels_in(rows, block.top, block.nrows, level)
            widths = pixels_in(cols, block.left, block.ncols, level)
            counts = heights[:, np.newaxis] * widths
        return _Sums(level, rows, cols, values, counts)

    def _tile(self, bands: Sequence[_Sums]) -> Tile:
        """Finish the cells that lie in a single block."""
        rows, cols = bands[0].rows, bands[0].cols
        values = np.stack([band.values for band in bands])
        counts = np.stack([band.counts for band in bands if band.counts is not None])
        whole = slice(None), rows.whole, cols.whole
        finished = self._means(values[whole], counts[whole])
        row, col = scattered(rows, cols)
        rest: tuple[NDArray[Any], ...] = ()
        if row.size:
            number = len(bands)
            band = np.repeat(np.arange(number), row.size)
            place = band, np.tile(row, number), np.tile(col, number)
            cell = band, place[1] + rows.first, place[2] + cols.first
            rest = (*cell, values[place], counts[place])
        return Tile(rows.first + rows.whole.start, cols.first + cols.whole.start, finished, rest)

    def _means(self, sums: NDArray[Any], counts: NDArray[Any]) -> NDArray[Any]:
        """Return the value of each cell, in the raster's type."""
        means = sums / np.maximum(counts, 1)
        if self._squares:
            means = np.sqrt(means)
        if self._dtype.kind in "iu":
            means = _rounded(means, self._dtype)
        values: NDArray[Any] = means.astype(self._dtype)
        if self._nodata is not None:
            values[values == self._nodata] = _neighbour(self._nodata)
        empty = counts == 0
        if empty.any():
            values[empty] = self.blank((1, 1, 1))[0, 0, 0]
        return values


def _rounded(means: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Round to whole numbers, halves away from zero, within the range of a type."""
    limits = np.iinfo(dtype)
    top = float(limits.max)
    if top > limits.max:
        top = float(np.nextafter(top, 0))
    return np.clip(np.trunc(means + np.copysign(0.5, means)), float(limits.min), top)


def _neighbour(value: Any) -> Any:
    """Return the next value of the same type."""
    if isinstance(value, np.integer):
        limits = np.iinfo(value.dtype)
        return limits.max - 1 if value == limits.max else int(value) + 1
    with np.errstate(over="ignore"):
        above = np.nextafter(value, value.dtype.type(np.inf))
    return above if np.isfinite(above) else np.nextafter(value, value.dtype.type(-np.inf))
