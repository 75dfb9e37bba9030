"""Reading: the pixels of one block of one input."""

from __future__ import annotations

import resource
from collections import OrderedDict
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from rios_flows import rioserrors
from rios_flows.inputs.rasterize import VectorPlan, VectorReader
from rios_flows.inputs.sources import RasterSource, as_pixel
from rios_flows.inputs.warp import open_warped

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

    from rios_flows.grid import ApplierBlockDefn
    from rios_flows.plan import InputPlan, Plan
    from rios_flows.types import BlockArray

#: What may go wrong with a file and go right at the next try.
IO_ERRORS = (RasterioError, OSError)

#: Files that the rest of the process may have open, beside the datasets of the lanes.
SPARE_FILES = 64


def handles_per_lane(lanes: int) -> int:
    """Return how many datasets one lane may keep open, by the process's limit on open files."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(4, min(1024, (limit - SPARE_FILES) // max(1, lanes)))


class DatasetPool:
    """The open datasets of one lane, for use by one thread; the least recently used goes first.

    Parameters
    ----------
    capacity : int
        How many may be open.
    vectors : VectorReader, optional
        Reads the vector inputs, where there are any; one for all lanes.
    """

    def __init__(self, capacity: int, vectors: VectorReader | None = None) -> None:
        self.vectors = vectors
        self._capacity = capacity
        self._open: OrderedDict[str, DatasetReader] = OrderedDict()

    def get(self, item: InputPlan) -> DatasetReader:
        """Return the open dataset of an input."""
        key = _key(item)
        dataset = self._open.get(key)
        if dataset is None:
            while len(self._open) >= self._capacity:
                self._open.popitem(last=False)[1].close()
            dataset = rasterio.open(key) if item.warp is None else open_warped(item.warp)
            self._open[key] = dataset
        else:
            self._open.move_to_end(key)
        return dataset

    def discard(self, item: InputPlan) -> None:
        """Close an input's dataset, so that the next try opens it afresh."""
        dataset = self._open.pop(_key(item), None)
        if dataset is not None:
            dataset.close()

    def __enter__(self) -> DatasetPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for dataset in self._open.values():
            dataset.close()
        self._open.clear()


def _key(item: InputPlan) -> str:
    """Return what tells open datasets apart; a warped one serves its input only."""
    if item.warp is not None:
        return f"{item.source.label} warped"
    return item.source.opens if isinstance(item.source, RasterSource) else item.source.path


def read_input(
    pool: DatasetPool, plan: Plan, item: InputPlan, block: ApplierBlockDefn
) -> BlockArray:
    """Read one input over one block, with the margin.

    Returns
    -------
    ndarray
        Shape ``(bands, block.nrows + 2 * overlap, block.ncols + 2 * overlap)``, in the type of the
        file's first selected band; outside the file the input's nodata value, or 0 without one.

    Raises
    ------
    ImageReadError
        If the file cannot be read, naming file and block.
    """
    try:
        if item.vector is not None:
            assert pool.vectors is not None
            return _burn(pool.vectors, item.vector, plan.blocks.overlap, block)
        return _read(pool.get(item), plan.blocks.overlap, item, block)
    except MemoryError as error:
        margin = plan.blocks.overlap
        raise rioserrors.ParameterError(
            f"No memory for input '{item.source.label}' at {plan.describe(block)} (read stage): "
            f"{len(item.bands)} bands of {block.nrows + 2 * margin} x {block.ncols + 2 * margin} "
            f"pixels with the margin of {margin}; choose a smaller setWindowSize or setOverlap"
        ) from error
    except IO_ERRORS as error:
        pool.discard(item)
        cause = error.__cause__ or error
        raise rioserrors.ImageReadError(
            f"Unable to read '{item.source.path}' (input '{item.source.label}') at "
            f"{plan.describe(block)} (read stage): {cause}"
        ) from error


def _burn(
    vectors: VectorReader, vector: VectorPlan, margin: int, block: ApplierBlockDefn
) -> BlockArray:
    left, top = block.left - margin, block.top - margin
    return vectors.read(vector, left, top, block.ncols + 2 * margin, block.nrows + 2 * margin)


def _read(
    dataset: DatasetReader, margin: int, item: InputPlan, block: ApplierBlockDefn
) -> BlockArray:
    height, width = block.nrows + 2 * margin, block.ncols + 2 * margin
    top = block.top - margin - item.offset[1]
    left = block.left - margin - item.offset[0]
    ncols, nrows = item.size
    if top >= 0 and left >= 0 and top + height <= nrows and left + width <= ncols:
        return _read_inside(dataset, item, Window(left, top, width, height))
    return _read_partly_outside(dataset, item, top, left, height, width)


def _read_inside(dataset: DatasetReader, item: InputPlan, window: Window) -> BlockArray:
    source, bands = item.source, item.bands
    assert isinstance(source, RasterSource)
    # a file whose bands differ in type reads as the first of them
    pixels: BlockArray = np.empty((len(bands), window.height, window.width), dtype=source.dtype)
    if len({dataset.dtypes[band - 1] for band in bands}) == 1:
        dataset.read(bands, window=window, out=pixels)
    else:
        # which rasterio takes only one by one
        for band, out in zip(bands, pixels, strict=True):
            dataset.read(band, window=window, out=out)
    return pixels


def _read_partly_outside(
    dataset: DatasetReader, item: InputPlan, top: int, left: int, height: int, width: int
) -> BlockArray:
    source = item.source
    assert isinstance(source, RasterSource)
    pixels = np.empty((len(source.bands), height, width), dtype=source.dtype)
    for band, nodata in enumerate(source.nodata):
        value = as_pixel(nodata, source.dtype)
        pixels[band] = 0 if value is None else value
    first_row, first_col = max(0, top), max(0, left)
    last_row = min(item.size[1], top + height)
    last_col = min(item.size[0], left + width)
    if first_row < last_row and first_col < last_col:
        window = Window(first_col, first_row, last_col - first_col, last_row - first_row)
        rows = slice(first_row - top, last_row - top)
        cols = slice(first_col - left, last_col - left)
        pixels[:, rows, cols] = _read_inside(dataset, item, window)
    return pixels
