"""Overviews whose cells hold the most frequent value of their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reducers.cells import Span, Tile, cells_of, scattered
from rios_flows.reducers.nodata import is_absent, without_pixels


class _Tally(NamedTuple):
    """How often values occur in cells: columns of a table, sorted by cell and value."""

    cells: NDArray[np.int64]  # numbered row by row
    codes: NDArray[np.int64]  # rank of the value among all that occur
    counts: NDArray[np.int64]


class Modes:
    """Fills cells with their most frequent valid value; with the smallest of several."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any], nodata: Any) -> None:
        self._shape = shape
        self._dtype = dtype
        self._nodata = None if nodata is None else dtype.type(nodata)

    def tiles(
        self, block: ApplierBlockDefn, array: NDArray[Any], levels: Sequence[int]
    ) -> list[Tile]:
        """Return a block's part of each overview."""
        bands = [self._band_tiles(block, pixels, levels) for pixels in array]
        return [_stacked(level) for level in zip(*bands, strict=True)]

    def blank(self, shape: tuple[int, int, int]) -> NDArray[Any]:
        """Return cells with no valid pixel."""
        return without_pixels(shape, self._dtype, self._nodata)

    def finish(self, strip: NDArray[Any], start: int, rest: list[tuple[NDArray[Any], ...]]) -> None:
        """Fill the cells that lie in several blocks, whose values come block by block."""
        if not rest:
            return
        band, row, col, values, counts = map(np.concatenate, zip(*rest, strict=True))
        if not band.size:
            return
        cells = np.ravel_multi_index((band, row - start, col), strip.shape)
        known, codes = np.unique(values, return_inverse=True)
        tally = _merged(cells, codes.astype(np.int64), counts)
        places, winners = _winners(tally)
        strip.reshape(-1)[places] = known[winners]

    def _band_tiles(
        self, block: ApplierBlockDefn, pixels: NDArray[Any], levels: Sequence[int]
    ) -> list[Tile]:
        """Count the values of one band of a block in the cells of each level."""
        absent = is_absent(pixels, self._nodata)
        valid = slice(None) if absent is None else ~absent.reshape(-1)
        known, codes = _ranks(pixels.reshape(-1)[valid])
        # at first each pixel is a cell of factor 1
        spans = cells_of(block, 1, self._shape)
        tally = _Tally(np.arange(pixels.size)[valid], codes, np.ones(codes.size, np.int64))
        made = [(1, spans, tally)]
        for level in levels:
            factor, finer, tally = next(one for one in reversed(made) if level % one[0] == 0)
            spans = cells_of(block, level, self._shape)
            tally = _coarser(tally, finer, spans, level // factor)
            made.append((level, spans, tally))
        return [self._tile(spans, tally, known) for _, spans, tally in made[1:]]

    def _tile(self, spans: tuple[Span, Span], tally: _Tally, known: NDArray[Any]) -> Tile:
        """Finish the cells that lie in a single block."""
        rows, cols = spans
        values = self.blank((1, rows.number, cols.number))
        cells, codes = _winners(tally)
        values.reshape(-1)[cells] = known[codes]
        shared = np.zeros((rows.number, cols.number), np.bool_)
        shared[scattered(rows, cols)] = True
        here = shared.reshape(-1)[tally.cells]
        row, col = np.divmod(tally.cells[here], cols.number)
        return Tile(
            rows.first + rows.whole.start,
            cols.first + cols.whole.start,
            values[:, rows.whole, cols.whole],
            (
                np.zeros(row.size, np.int64),
                row + rows.first,
                col + cols.first,
                known[tally.codes[here]],
                tally.counts[here],
            ),
        )


def _stacked(bands: Sequence[Tile]) -> Tile:
    """Put the tiles of single bands together."""
    values = np.concatenate([tile.values for tile in bands])
    numbers = [np.full(tile.rest[0].size, band) for band, tile in enumerate(bands)]
    columns = zip(*(tile.rest[1:] for tile in bands), strict=True)
    rest = (np.concatenate(numbers), *(np.concatenate(column) for column in columns))
    return Tile(bands[0].row, bands[0].col, values, rest)


def _ranks(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the values that may occur, ascending, and the index of each pixel's value."""
    if values.size and values.dtype.kind in "iu":
        first, last = int(values.min()), int(values.max())
        if last - first < 1 << 16:
            # computed as unsigned integers, which wrap to the right values of any type
            wide = np.arange(last - first + 1).astype(np.uint64) + np.uint64(first % (1 << 64))
            codes = values.astype(np.uint64) - wide[0]
            return wide.astype(values.dtype), codes.astype(np.int64)
    known, codes = np.unique(values, return_inverse=True)
    return known, codes.astype(np.int64)


def _coarser(
    tally: _Tally, finer: tuple[Span, Span], spans: tuple[Span, Span], factor: int
) -> _Tally:
    """Count in larger cells, each made of ``factor`` x ``factor`` smaller ones."""
    lookup = [
        (np.arange(small.number) + small.first) // factor - large.first
        for small, large in zip(finer, spans, strict=True)
    ]
    table = lookup[0][:, np.newaxis] * spans[1].number + lookup[1]
    return _merged(table.reshape(-1)[tally.cells], tally.codes, tally.counts)


def _merged(
    cells: NDArray[np.int64], codes: NDArray[np.int64], counts: NDArray[np.int64]
) -> _Tally:
    """Sort a table, and merge lines of the same cell and value."""
    if not cells.size:
        return _Tally(cells, codes, counts)
    bits = int(codes.max()).bit_length()
    keys, counts = _in_order(cells << bits | codes, counts)
    starts = _starts(keys)
    keys = keys[starts]
    return _Tally(keys >> bits, keys & ((1 << bits) - 1), np.add.reduceat(counts, starts))


def _in_order(
    keys: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort keys together with their counts."""
    bits = int(counts.max()).bit_length()
    if int(keys.max()).bit_length() + bits < 64:
        # sorting numbers is many times faster than sorting indices
        both = np.sort(keys << bits | counts)
        return both >> bits, both & ((1 << bits) - 1)
    order = np.argsort(keys)
    return keys[order], counts[order]


def _winners(tally: _Tally) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each cell with a value, its number and the value found most often."""
    cells, codes, counts = tally
    if not cells.size:
        return cells, codes
    starts = _starts(cells)
    most = np.maximum.reduceat(counts, starts)
    lines = np.diff(np.append(starts, cells.size))
    best = np.flatnonzero(counts == np.repeat(most, lines))
    first = best[_starts(cells[best])]
    return cells[first], codes[first]


def _starts(values: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where each run of equal values begins; there is at least one value."""
    return np.append(0, np.flatnonzero(values[1:] != values[:-1]) + 1)
