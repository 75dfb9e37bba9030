"""What a format has not kept of an output; some lose a part of it and do not say so."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from rios_flows import rioserrors
from rios_flows.files.nodatavalues import nodata_values
from rios_flows.formats.format import Wanted
from rios_flows.gdal.pixeltypes import keeps_all
from rios_flows.geometry.grid import PixelGrid
from rios_flows.outputs.targets import Target
from rios_flows.reducers.nodata import Number

if TYPE_CHECKING:
    from rasterio.io import DatasetReader, DatasetWriter

logger = logging.getLogger(__name__)

#: How far a corner may be from where it belongs (pixels): formats write few digits.
TOLERANCE = 0.01


def check_created(target: Target, dataset: DatasetWriter, expected: Wanted) -> None:
    """Refuse a file of other bands or of a narrower type, as some drivers make in silence.

    Parameters
    ----------
    target : Target
        The output.
    dataset : DatasetWriter
        The file, just created.
    expected : Wanted
        What is to be written.

    Raises
    ------
    ImageOpenError
        If it has another number of bands.
    TypeConversionError
        If its type is narrower.
    """
    made, wanted = dataset.dtypes[0], expected.dtype
    where = f"Output '{target.label}' ('{target.path}'): {dataset.driver}"
    if dataset.count != expected.bands:
        raise rioserrors.ImageOpenError(
            f"{where} makes {dataset.count} bands in place of {expected.bands}; use another driver"
        )
    if not _holds(made, wanted):
        raise rioserrors.TypeConversionError(
            f"{where} cannot hold {wanted.name}, and would make {made} of it; convert it "
            "in the user function, for instance with astype"
        )


def check_kept(target: Target, path: str, expected: Wanted, colored: Sequence[int]) -> None:
    """Warn of what the file does not tell as it was told, and refuse one of other pixels.

    Parameters
    ----------
    target : Target
        The output.
    path : str
        Where the file is by now, finished and closed.
    expected : Wanted
        What was written.
    colored : sequence of int
        The bands that were given a colour table, from 1.

    Raises
    ------
    ImageWriteError
        If the file has another size, another number of bands or a narrower type.
    """
    driver, grid = target.format.driver, expected.grid
    if target.format.is_faithful and target.format.has_position((grid.nrows, grid.ncols)):
        return
    where = f"Output '{target.label}' ('{target.path}')"
    try:
        with rasterio.open(path) as dataset:
            other = other_pixels(dataset, expected)
            lost = [] if other else [*_lost(dataset, grid, target.options.nodata)]
            if not other and any(_is_plain(dataset, band) for band in colored):
                lost.append("colour table")
    except RasterioError as error:
        logger.warning("%s cannot be opened as %s by that name: %s", where, driver, error)
        return
    if other is not None:
        raise rioserrors.ImageWriteError(
            f"{where}: {driver} has made {other}; call setOutputDriverName with another driver"
        )
    if lost:
        logger.warning("%s: %s has not kept the %s", where, driver, ", the ".join(lost))


def other_pixels(dataset: DatasetReader, expected: Wanted) -> str | None:
    """Return how the file differs from what was written, where pixels are lost by that."""
    grid = expected.grid
    if dataset.count != expected.bands:
        return f"{dataset.count} bands in place of {expected.bands}"
    if dataset.shape != (grid.nrows, grid.ncols):
        rows, columns = dataset.shape
        return f"{rows} rows x {columns} columns in place of {grid.nrows} x {grid.ncols}"
    for dtype in dataset.dtypes:
        if not _holds(dtype, expected.dtype):
            return f"{dtype} of {expected.dtype.name}"
    return None


def _holds(made: str, wanted: np.dtype[Any]) -> bool:
    return made == wanted.name or keeps_all(wanted, made)


def _lost(dataset: DatasetReader, grid: PixelGrid, nodata: Number | None) -> Iterator[str]:
    if grid.crs and dataset.crs is None:
        yield "CRS"
    if not same_place(dataset, grid):
        yield "position of its pixels"
    others = [value for value in nodata_values(dataset) if not _same(value, nodata)]
    if nodata is not None and others:
        yield f"nodata value {nodata}, which reads as {others[0]}"


def _is_plain(dataset: DatasetReader, band: int) -> bool:
    try:
        dataset.colormap(band)
    except ValueError:
        return True
    return False


def same_place(dataset: DatasetReader, grid: PixelGrid) -> bool:
    """Tell whether a file's pixels lie on a grid."""
    to_pixels = ~grid.transform
    for corner in ((0, 0), (grid.ncols, 0), (0, grid.nrows)):
        if math.dist(to_pixels * (dataset.transform * corner), corner) > TOLERANCE:
            return False
    return True


def _same(value: Number | None, wanted: Number | None) -> bool:
    return value == wanted or (value != value and wanted != wanted)
