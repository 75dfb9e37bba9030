"""Overviews of a raster, gathered while its blocks pass in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rios_flows.basics.types import BlockArray
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reducers.cells import Tile, centres, overview_size
from rios_flows.reducers.means import Means
from rios_flows.reducers.modes import Modes
from rios_flows.reducers.nodata import Number, nodata_of
from rios_flows.reducers.tilestore import TileStore

#: Methods that fill an overview's cell from its own pixels only.
SINGLE_PASS_METHODS = ("NEAREST", "AVERAGE", "RMS", "MODE")


class Overviews:
    """Makes the overviews of a raster in a single pass, each from the pixels of the raster itself.

    The order of the blocks does not matter, and a block may come again with the same pixels. A cell
    with a valid pixel never gets the nodata value.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        levels: Sequence[int],
        store: TileStore,
        *,
        method: str = "NEAREST",
        nodata: Number | None = None,
    ) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.levels = tuple(levels)
        self._store = store
        self._maker = _maker(method, shape, self.dtype, nodata_of(self.dtype, nodata))
        # for each level and row of blocks: its rows in the overview, and its blocks
        self._reach: list[dict[int, tuple[int, int]]] = [{} for _ in self.levels]
        self._lefts: list[dict[int, set[int]]] = [{} for _ in self.levels]

    def size(self, index: int) -> tuple[int, int]:
        """Return rows and columns of an overview."""
        level = self.levels[index]
        return overview_size(self.shape[1], level), overview_size(self.shape[2], level)

    def add(self, block: ApplierBlockDefn, array: BlockArray) -> None:
        """Add one block's pixels, shape ``(bands, rows, cols)``, without margin."""
        tiles = self._maker.tiles(block, np.asarray(array, self.dtype), self.levels)
        for index, tile in enumerate(tiles):
            if not tile.nbytes:
                continue
            self._store.put((index, block.top, block.left), tile, tile.nbytes)
            first, end = tile.reach
            known = self._reach[index].get(block.top, (first, end))
            self._reach[index][block.top] = min(first, known[0]), max(end, known[1])
            self._lefts[index].setdefault(block.top, set()).add(block.left)

    def strips(self, index: int, height: int) -> Iterator[tuple[int, BlockArray]]:
        """Yield strips from top to bottom: first row, and pixels ``(bands, rows, cols)``."""
        rows, cols = self.size(index)
        for start in range(0, rows, height):
            end = min(start + height, rows)
            strip = self._maker.blank((self.shape[0], end - start, cols))
            self._maker.finish(strip, start, list(self._paste(index, strip, start, end)))
            yield start, strip

    def finish(self) -> Self:
        """Return itself: from now on, strips are whole."""
        return self

    def close(self) -> None:
        """Forget all tiles."""
        self._store.close()

    def _paste(
        self, index: int, strip: BlockArray, start: int, end: int
    ) -> Iterator[tuple[NDArray[Any], ...]]:
        """Put the finished cells of all tiles into a strip; yield partial values of the others."""
        # blocks always come in the same order, and so do their sums
        for top, (first, last) in sorted(self._reach[index].items()):
            if last <= start or first >= end:
                continue
            for left in sorted(self._lefts[index][top]):
                tile: Tile = self._store.get((index, top, left))
                low, high = max(tile.row, start), min(tile.row + tile.values.shape[1], end)
                if low < high:
                    width = slice(tile.col, tile.col + tile.values.shape[2])
                    part = tile.values[:, low - tile.row : high - tile.row]
                    strip[:, low - start : high - start, width] = part
                if tile.rest:
                    here = (tile.rest[1] >= start) & (tile.rest[1] < end)
                    yield tuple(column[here] for column in tile.rest)


class _Nearest:
    """Takes the pixel in the middle of each cell; its methods are those of ``Means``."""

    def __init__(self, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> None:
        self._shape = shape
        self._dtype = dtype

    def tiles(
        self, block: ApplierBlockDefn, array: NDArray[Any], levels: Sequence[int]
    ) -> list[Tile]:
        return [self._tile(block, array, level) for level in levels]

    def _tile(self, block: ApplierBlockDefn, array: NDArray[Any], level: int) -> Tile:
        row, rows, more_rows = centres(block.top, block.nrows, level, self._shape[1])
        col, cols, more_cols = centres(block.left, block.ncols, level, self._shape[2])
        values = array[:, rows, cols]
        if more_rows:
            values = np.concatenate([values, array[:, -1:, cols]], axis=1)
        if more_cols:
            last = array[:, :, -1:]
            column = [last[:, rows], last[:, -1:]] if more_rows else [last[:, rows]]
            values = np.concatenate([values, np.concatenate(column, axis=1)], axis=2)
        return Tile(row, col, values.copy())

    def blank(self, shape: tuple[int, int, int]) -> NDArray[Any]:
        return np.zeros(shape, self._dtype)

    def finish(self, strip: NDArray[Any], start: int, rest: list[tuple[NDArray[Any], ...]]) -> None:
        """Do nothing: every cell has its pixel in one block."""


def _maker(
    method: str, shape: tuple[int, int, int], dtype: np.dtype[Any], nodata: Number | None
) -> _Nearest | Means | Modes:
    """Return what makes overviews by the method of this name."""
    if method == "NEAREST":
        return _Nearest(shape, dtype)
    if method in ("AVERAGE", "RMS"):
        return Means(shape[1:], dtype, nodata, squares=method == "RMS")
    if method == "MODE":
        return Modes(shape[1:], dtype, nodata)
    known = ", ".join(SINGLE_PASS_METHODS)
    raise ValueError(f"overviews by {method!r} cannot be made in a single pass, only by {known}")
