"""What a format has not kept of an output; some lose a part of it and do not say so."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import rasterio
from rasterio.errors import RasterioError

from rios_flows.grid import PixelGrid
from rios_flows.reducers.nodata import Number
from rios_flows.targets.targets import Target

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

logger = logging.getLogger(__name__)

#: Drivers that keep all of it.
FAITHFUL = ("GTiff", "COG", "HFA", "Zarr")

#: How far a corner may be from where it belongs (pixels): formats write few digits.
TOLERANCE = 0.01


def warn_of_unkept(target: Target, path: str, grid: PixelGrid) -> None:
    """Warn of what the file does not tell as it was told.

    Parameters
    ----------
    target : Target
        The output.
    path : str
        Where the file is by now, finished and closed.
    grid : PixelGrid
        Where its pixels are.
    """
    driver = target.format.driver
    if driver in FAITHFUL:
        return
    where = f"Output '{target.label}' ('{target.path}')"
    try:
        with rasterio.open(path) as dataset:
            lost = list(_lost(dataset, grid, target.options.nodata))
    except RasterioError as error:
        logger.warning("%s cannot be opened as %s by that name: %s", where, driver, error)
        return
    if lost:
        logger.warning("%s: %s has not kept the %s", where, driver, ", the ".join(lost))


def _lost(dataset: DatasetReader, grid: PixelGrid, nodata: Number | None) -> Iterator[str]:
    if grid.crs and dataset.crs is None:
        yield "CRS"
    if not _same_place(dataset, grid):
        yield "position of its pixels"
    others = [value for value in dataset.nodatavals if not _same(value, nodata)]
    if nodata is not None and others:
        yield f"nodata value {nodata}, which reads as {others[0]}"


def _same_place(dataset: DatasetReader, grid: PixelGrid) -> bool:
    to_pixels = ~grid.transform
    for corner in ((0, 0), (grid.ncols, 0), (0, grid.nrows)):
        if math.dist(to_pixels * (dataset.transform * corner), corner) > TOLERANCE:
            return False
    return True


def _same(value: Number | None, wanted: Number | None) -> bool:
    return value == wanted or (value != value and wanted != wanted)
