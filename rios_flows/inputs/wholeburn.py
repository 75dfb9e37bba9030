"""Burning a whole layer into a temporary raster."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from rios_flows import rioserrors
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.formats.gtiff import SCRATCH
from rios_flows.formats.tiffblocks import check_tiff
from rios_flows.gdal.closing import close_written
from rios_flows.gdal.private import IO_ERRORS
from rios_flows.geometry.grid import PixelGrid
from rios_flows.geometry.regions import Box, widened
from rios_flows.inputs.burning import burn
from rios_flows.inputs.carrying import Placing, place, warn_of_lost
from rios_flows.inputs.features import batches
from rios_flows.inputs.vectors import VectorSource

#: The raster reaches this many pixels beyond the working grid on every side, or a multiple of it.
MARGIN = 64

#: How much is burnt at once (bytes): GDAL burns in parts what does not fit into its cache, and a
#: line that crosses from part to part may touch other pixels.
STRIP_BYTES = 32 * 2**20

#: Larger rasters are burnt in a file (bytes).
MEMORY_BYTES = 256 * 2**20


def burn_whole(
    source: VectorSource,
    grid: PixelGrid,
    placing: Placing,
    margin: int,
    tempfiles: TempfileManager,
) -> str:
    """Burn all features of a layer, and return the name of the raster."""
    around = widened(grid, margin)
    try:
        pixels, scratch = _canvas(source, (around.nrows, around.ncols), tempfiles)
        lost = 0
        for features in batches(source):
            shapes = place([(shift, features) for shift in placing.shifts], placing, grid)
            lost += shapes.lost
            for top, bottom in _strips(pixels):
                out = pixels[top:bottom]
                burn(shapes, out, (-margin, top - margin), source.options.all_touched)
        warn_of_lost(source, grid, lost)
        path = _write(source, around, pixels, tempfiles)
        if scratch:
            del pixels
            os.remove(scratch)
    except IO_ERRORS as error:
        if isinstance(error, rioserrors.RiosError):
            raise
        raise rioserrors.VectorRasterizationError(
            f"Unable to burn {source.what} into a temporary raster in '{tempfiles.tempdir}': "
            f"{error}"
        ) from error
    return path


def copy_window(dataset: rasterio.io.DatasetReader, out: NDArray[Any], left: int, top: int) -> None:
    """Copy a window of a raster into an array, as far as the raster reaches."""
    rows, cols = out.shape
    part = Box(left, top, left + cols, top + rows).within(dataset.width, dataset.height)
    if not part.is_empty:
        there = out[part.top - top : part.bottom - top, part.left - left : part.right - left]
        there[:] = dataset.read(1, window=part.window)


def _canvas(
    source: VectorSource, shape: tuple[int, int], tempfiles: TempfileManager
) -> tuple[NDArray[Any], str]:
    """Return an array of null, and the name of the file that holds it if it is large."""
    options = source.options
    if shape[0] * shape[1] * np.dtype(options.dtype).itemsize <= MEMORY_BYTES:
        return np.full(shape, options.null, options.dtype), ""
    scratch = tempfiles.mktempfile(prefix="rios_vecrast_", suffix=".raw")
    pixels = np.memmap(scratch, options.dtype, "w+", shape=shape)
    if options.null != 0:
        pixels[:] = options.null
    return pixels, scratch


def _strips(pixels: NDArray[Any]) -> list[tuple[int, int]]:
    height = max(1, STRIP_BYTES // (pixels.shape[1] * pixels.itemsize))
    return [(top, min(top + height, len(pixels))) for top in range(0, len(pixels), height)]


def _write(
    source: VectorSource, grid: PixelGrid, pixels: NDArray[Any], tempfiles: TempfileManager
) -> str:
    path = tempfiles.mktempfile(prefix="rios_vecrast_", suffix=".tif")
    with rasterio.open(
        path,
        "w",
        **SCRATCH,
        width=grid.ncols,
        height=grid.nrows,
        count=1,
        dtype=pixels.dtype.name,
        crs=grid.crs or None,
        transform=grid.transform,
        nodata=source.options.null,
    ) as dataset:
        for top in range(0, grid.nrows, 256):
            part = pixels[top : top + 256]
            dataset.write(part, 1, window=Window(0, top, grid.ncols, len(part)))
        close_written(dataset)
    try:
        check_tiff(path, sparse=False)
    except OSError as error:
        raise OSError(f"it is not whole: {error}; is the disk full?") from error
    return path
