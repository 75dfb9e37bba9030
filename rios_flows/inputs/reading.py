"""Reading: the pixels of one block of one input."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.windows import Window

from rios_flows import rioserrors
from rios_flows.formats.known import class_of
from rios_flows.gdal.heldpixels import taken_error
from rios_flows.gdal.private import IO_ERRORS, read_pixels
from rios_flows.geometry.regions import Box
from rios_flows.inputs.masks import fill_masked
from rios_flows.inputs.sources import RasterSource
from rios_flows.inputs.warp import open_warped, restore_nodata
from rios_flows.reducers.nodata import as_pixel

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

    from rios_flows.basics.types import BlockArray
    from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
    from rios_flows.inputs.chunks import NeededChunks
    from rios_flows.inputs.inputplan import InputPlan
    from rios_flows.inputs.rasterize import VectorReader
    from rios_flows.inputs.vectorplan import VectorPlan

#: Files that the rest of the process may have open.
SPARE_FILES = 64

#: Most datasets that a lane keeps open.
MOST_HANDLES = 1024


class BlockMemoryError(rioserrors.RiosError, MemoryError):
    """There is no memory for the pixels of a block; trying again would not help."""


def handles_per_lane(lanes: int) -> int:
    """Return how many datasets one lane may keep open, by the process's limit on open files."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return MOST_HANDLES
    return max(4, min(MOST_HANDLES, (limit - SPARE_FILES) // max(1, lanes)))


class DatasetPool:
    """The open datasets of one lane, for use by one thread."""

    def __init__(self, capacity: int, vectors: VectorReader | None = None) -> None:
        self.vectors = vectors
        self._capacity = capacity
        self._open: dict[str, DatasetReader] = {}
        self._chunks: dict[str, NeededChunks | None] = {}

    def get(self, item: InputPlan) -> DatasetReader:
        """Return the open dataset of an input."""
        warp = item.warp
        if warp is None:
            return self._get(item.source.opens, rasterio.open)
        return self._get(_key(item), lambda _: open_warped(warp))

    @contextmanager
    def opened(self, path: str) -> Iterator[DatasetReader]:
        """Give the open dataset of a file, which stays open afterwards."""
        yield self._get(path, rasterio.open)

    def chunks(self, source: RasterSource) -> NeededChunks | None:
        """Return the chunks of a Zarr store; None where they cannot be known."""
        path = source.opens
        if path not in self._chunks:
            # few inputs are stores
            from rios_flows.inputs.chunks import NeededChunks

            self._chunks[path] = NeededChunks.of(path, (source.grid.nrows, source.grid.ncols))
        return self._chunks[path]

    def valid(self, item: InputPlan) -> DatasetReader:
        """Return the open raster of an input's valid pixels."""
        valid = item.valid
        assert valid is not None
        return self._get(f"{item.source.label} valid", lambda _: open_warped(valid))

    def discard(self, item: InputPlan) -> None:
        """Close an input's dataset, so that the next try opens it afresh."""
        for key in (_key(item), f"{item.source.label} valid"):
            dataset = self._open.pop(key, None)
            if dataset is not None:
                dataset.close()

    def _get(self, key: str, opener: Callable[[str], DatasetReader]) -> DatasetReader:
        dataset = self._open.get(key)
        if dataset is None:
            # Each block reads all inputs in turn. So the one opened last makes room: the one unused
            # for longest would always be the next one needed.
            while len(self._open) >= self._capacity:
                self._open.popitem()[1].close()
            dataset = self._open[key] = opener(key)
        return dataset

    def __enter__(self) -> DatasetPool:
        return self

    def __exit__(self, *error: object) -> None:
        for dataset in self._open.values():
            dataset.close()
        self._open.clear()


def _key(item: InputPlan) -> str:
    """Return the key of an open dataset; a warped one serves one input only."""
    return item.source.opens if item.warp is None else f"{item.source.label} warped"


def read_input(
    pool: DatasetPool, blocks: BlockGrid, item: InputPlan, block: ApplierBlockDefn
) -> BlockArray:
    """Read a block of an input with its margin: (bands, rows, cols), nodata outside the file."""
    try:
        if item.vector is not None:
            return _burn(pool, item.vector, blocks.overlap, block)
        pixels = _read(pool, blocks.overlap, item, block)
    except (MemoryError, *IO_ERRORS) as error:
        raise failed(pool, blocks, item, block, error) from error
    return pixels if item.edges is None else item.edges.filled(pixels, block, blocks.overlap)


def failed(
    pool: DatasetPool,
    blocks: BlockGrid,
    item: InputPlan,
    block: ApplierBlockDefn,
    error: BaseException,
) -> rioserrors.RiosError:
    """Return the error that names input and block; the file is opened afresh the next time."""
    held = taken_error()
    if held is not None and not isinstance(held, Exception):
        raise held  # such as an interruption
    error = held or error
    if isinstance(error, MemoryError):
        margin = blocks.overlap
        return BlockMemoryError(
            f"No memory for input '{item.source.label}' at {blocks.describe(block)} (read stage): "
            f"{len(item.bands)} bands of {block.nrows + 2 * margin} x {block.ncols + 2 * margin} "
            f"pixels with the margin of {margin}; choose a smaller setWindowSize or setOverlap"
        )
    pool.discard(item)
    cause = error.__cause__ or error
    told = f"{type(held).__name__}: {held}" if held is not None else str(cause)
    return rioserrors.ImageReadError(
        f"Unable to read {item.source.what} at {blocks.describe(block)} (read stage): {told}"
    )


def _burn(
    pool: DatasetPool, vector: VectorPlan, margin: int, block: ApplierBlockDefn
) -> BlockArray:
    assert pool.vectors is not None
    left, top = block.left - margin, block.top - margin
    width, height = block.ncols + 2 * margin, block.nrows + 2 * margin
    return pool.vectors.read(vector, left, top, width, height, pool.opened)


def _read(pool: DatasetPool, margin: int, item: InputPlan, block: ApplierBlockDefn) -> BlockArray:
    height, width = block.nrows + 2 * margin, block.ncols + 2 * margin
    left, top = block.left - margin - item.offset[0], block.top - margin - item.offset[1]
    ncols, nrows = item.size
    if left >= 0 and top >= 0 and left + width <= ncols and top + height <= nrows:
        return _read_inside(pool, item, Window(left, top, width, height))
    source = item.source
    assert isinstance(source, RasterSource)
    pixels = np.empty((len(source.bands), height, width), source.dtype)
    for band, nodata in enumerate(source.nodata):
        value = as_pixel(nodata, source.dtype)
        pixels[band] = 0 if value is None else value
    inside = Box(left, top, left + width, top + height).within(ncols, nrows)
    if not inside.is_empty:
        rows = slice(inside.top - top, inside.bottom - top)
        cols = slice(inside.left - left, inside.right - left)
        pixels[:, rows, cols] = _read_inside(pool, item, inside.window)
    return pixels


def _read_inside(pool: DatasetPool, item: InputPlan, window: Window) -> BlockArray:
    source, dataset = item.source, pool.get(item)
    assert isinstance(source, RasterSource)
    # a file whose bands differ in type reads as the first of them
    pixels: BlockArray = np.empty((len(item.bands), window.height, window.width), source.dtype)
    read_pixels(dataset, item.bands, window, pixels)
    if class_of(source.driver).hides_lost_pixels:
        _check_chunks(pool, item, source, window)
    if item.warp is not None and item.warp.rounded:
        restore_nodata(item.warp, pixels)
    # masks of a warped input count already
    if source.fills_masked and item.warp is None:
        fill_masked(dataset, source, window, pixels)
    return pixels


def _check_chunks(pool: DatasetPool, item: InputPlan, source: RasterSource, window: Window) -> None:
    """Raise OSError if GDAL could not open a chunk, which it does not report."""
    from rios_flows.inputs.chunks import box_in_source

    chunks = pool.chunks(source)
    if chunks is None or (item.warp is not None and item.warp.definition.overview is not None):
        return
    left, top = window.col_off, window.row_off
    box = Box(left, top, left + window.width, top + window.height)
    bands = source.bands if item.warp is not None else item.bands
    chunks.check(bands, box if item.warp is None else box_in_source(item.warp, box))
