"""How a raster file is cut into blocks, and what it takes that windows share them.

GDAL decodes a tile or strip as a whole. One that several windows touch is decoded once only if it
stays in the block cache from the first of them to the last.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rios_flows.geometry.grid import BlockGrid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rasterio.io import DatasetReader


class FileLayout(NamedTuple):
    """How a raster file is stored.

    Attributes
    ----------
    ncols, nrows : int
        Size of the raster (pixels).
    block_cols, block_rows : int
        Size of a tile or strip (pixels).
    pixel_bytes : int
        Size of a pixel, over all bands that come along (bytes).
    """

    ncols: int
    nrows: int
    block_cols: int
    block_rows: int
    pixel_bytes: int


class CacheNeed(NamedTuple):
    """What an input puts into the block cache while windows are read row by row.

    Attributes
    ----------
    by_row : bool
        Windows above each other have a block of the file in common.
    by_window : bool
        Windows beside each other have.
    row_bytes : int
        What one row of windows touches (bytes).
    window_bytes : int
        What one window touches (bytes).
    """

    by_row: bool
    by_window: bool
    row_bytes: int
    window_bytes: int

    @property
    def shared(self) -> bool:
        """Whether windows have blocks of the file in common."""
        return self.by_row or self.by_window


def layout_of(dataset: DatasetReader, bands: Sequence[int]) -> FileLayout:
    """Return how the bands of a file that are used, from 1, are stored."""
    block_rows, block_cols = dataset.block_shapes[bands[0] - 1]
    # with the pixels of one band come those of all others
    together = dataset.interleaving is not None and dataset.interleaving.value == "PIXEL"
    used = dataset.indexes if together else bands
    # a tuple that rasterio puts together anew each time
    dtypes = dataset.dtypes
    pixel_bytes = sum(_itemsize(dtypes[band - 1]) for band in used)
    return FileLayout(dataset.width, dataset.height, block_cols, block_rows, pixel_bytes)


def _itemsize(dtype: str) -> int:
    # the one type of GDAL's that numpy has not
    return 4 if dtype == "complex_int16" else np.dtype(dtype).itemsize


def cache_need(
    layout: FileLayout,
    blocks: BlockGrid,
    offset: tuple[int, int] = (0, 0),
    scale: tuple[float, float] | None = None,
) -> CacheNeed:
    """Return what a file needs of the block cache.

    Its first pixel is at ``offset`` (column, row) of the working grid. Where it is warped,
    ``scale`` tells how many working pixels there are to one of its own, in x and y.
    """
    across = _Axis.of(layout.ncols, layout.block_cols, blocks, 0, offset[0], scale)
    down = _Axis.of(layout.nrows, layout.block_rows, blocks, 1, offset[1], scale)
    height = down.touched * layout.pixel_bytes
    return CacheNeed(down.shared, across.shared, across.whole * height, across.touched * height)


class _Axis(NamedTuple):
    """One direction: whether windows share blocks, and pixels in the blocks that are touched."""

    shared: bool
    touched: int
    whole: int

    @classmethod
    def of(
        cls,
        length: int,
        block: int,
        blocks: BlockGrid,
        axis: int,
        offset: int,
        scale: tuple[float, float] | None,
    ) -> _Axis:
        window, grid = blocks.window[axis], (blocks.ncols, blocks.nrows)[axis]
        margin, number = blocks.overlap, (blocks.xblocks, blocks.yblocks)[axis]
        padded = math.ceil(length / block) * block
        if scale is not None:
            window, grid = (math.ceil(size / scale[axis]) for size in (window, grid))
        aligned = scale is None and not margin and window % block == 0 and offset % block == 0
        touched = min(padded, _covering(window + 2 * margin, block, aligned))
        whole = min(padded, _covering(grid + 2 * margin, block, aligned))
        return cls(number > 1 and not aligned, touched, whole)


def _covering(size: int, block: int, aligned: bool) -> int:
    """Return how many pixels the blocks have that a part of a file touches at most."""
    return (math.ceil(size / block) + (not aligned)) * block
