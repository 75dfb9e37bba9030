"""How a raster file is cut into blocks, and how much cache shared blocks need.

GDAL decodes a tile or strip as a whole. A block that several windows touch is decoded only once if
it stays in the block cache from the first window to the last.
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
    """How a raster file is stored (sizes in pixels)."""

    ncols: int
    nrows: int
    block_cols: int
    block_rows: int
    # of all bands that are decoded together
    pixel_bytes: int


class CacheNeed(NamedTuple):
    """The part of the block cache that an input needs while windows are read row by row."""

    # windows above each other, and beside each other, share a block of the file
    by_row: bool
    by_window: bool
    # size of the blocks that a row of windows, and one window, touch
    row_bytes: int
    window_bytes: int

    @property
    def shared(self) -> bool:
        """Whether windows share blocks of the file."""
        return self.by_row or self.by_window


def layout_of(dataset: DatasetReader, bands: Sequence[int]) -> FileLayout:
    """Return how the bands (from 1) of a file are stored."""
    block_rows, block_cols = dataset.block_shapes[bands[0] - 1]
    # the pixels of all bands are decoded together
    together = dataset.interleaving is not None and dataset.interleaving.value == "PIXEL"
    used = dataset.indexes if together else bands
    # rasterio makes this tuple again each time
    dtypes = dataset.dtypes
    pixel_bytes = sum(_itemsize(dtypes[band - 1]) for band in used)
    return FileLayout(dataset.width, dataset.height, block_cols, block_rows, pixel_bytes)


def _itemsize(dtype: str) -> int:
    # the only type of GDAL that numpy lacks
    return 4 if dtype == "complex_int16" else np.dtype(dtype).itemsize


def cache_need(
    layout: FileLayout,
    blocks: BlockGrid,
    offset: tuple[int, int] = (0, 0),
    scale: tuple[float, float] | None = None,
) -> CacheNeed:
    """Return the block cache that a file needs; scale is working pixels to one of its own."""
    by_window, width, row_width = _axis(0, layout.ncols, layout.block_cols, blocks, offset, scale)
    by_row, height, _ = _axis(1, layout.nrows, layout.block_rows, blocks, offset, scale)
    column_bytes = height * layout.pixel_bytes
    return CacheNeed(by_row, by_window, row_width * column_bytes, width * column_bytes)


def _axis(
    axis: int,
    length: int,
    block: int,
    blocks: BlockGrid,
    offset: tuple[int, int],
    scale: tuple[float, float] | None,
) -> tuple[bool, int, int]:
    """Return whether windows share blocks; and the pixels in those that one, and all, touch."""
    window, grid = blocks.window[axis], (blocks.ncols, blocks.nrows)[axis]
    margin, number = blocks.overlap, (blocks.xblocks, blocks.yblocks)[axis]
    if scale is not None:
        window, grid = (math.ceil(size / scale[axis]) for size in (window, grid))
    aligned = scale is None and not margin and window % block == 0 and offset[axis] % block == 0
    most = math.ceil(length / block)
    touched, whole = (
        min(most, math.ceil((size + 2 * margin) / block) + (not aligned)) * block
        for size in (window, grid)
    )
    return number > 1 and not aligned, touched, whole
