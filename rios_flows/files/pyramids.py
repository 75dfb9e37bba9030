"""Overviews in files: space is reserved first, and filled when the raster itself is closed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.windows import Window

from rios_flows.files.nodatavalues import nodata_values
from rios_flows.formats.known import class_of
from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.manybands import with_many_bands
from rios_flows.gdal.private import GDAL_SYSTEM_ERRORS, IO_ERRORS, GdalError, GdalNotSupportedError
from rios_flows.gdal.updating import updating
from rios_flows.reducers.nodata import WIDE
from rios_flows.reducers.overviews import Overviews

if TYPE_CHECKING:
    from rasterio.io import DatasetReader, DatasetWriter

logger = logging.getLogger(__name__)

#: GDAL's overview methods, by the names of RIOS and gdaladdo.
RESAMPLING = {
    "NEAREST": Resampling.nearest,
    "AVERAGE": Resampling.average,
    "RMS": Resampling.rms,
    "MODE": Resampling.mode,
    "GAUSS": Resampling.gauss,
    "BILINEAR": Resampling.bilinear,
    "CUBIC": Resampling.cubic,
    "CUBICSPLINE": Resampling.cubic_spline,
    "LANCZOS": Resampling.lanczos,
}


class OverviewSizeError(OSError):
    """A driver's overviews have another size than those gathered."""


#: Size of a strip that is put together in memory (bytes); at least a row of tiles.
STRIP_BYTES = 16 << 20

#: Rows of pixels written at a time if a format has no tiles.
FEWEST_ROWS = 64


def reserve_overviews(dataset: DatasetWriter, levels: Sequence[int]) -> bool:
    """Reserve space for overviews in a raster without pixels yet; False if its driver cannot."""
    if not class_of(dataset.driver).overviews_before_pixels:
        return False
    # tiles that are not there yet take no space and no time
    with rasterio.Env(SPARSE_OK_OVERVIEW="YES"):
        try:
            dataset.build_overviews(list(levels), Resampling.nearest)
        except GDAL_SYSTEM_ERRORS as error:
            raise OSError(with_hint(error)) from error
        except IO_ERRORS as error:
            logger.info("no room for overviews in '%s': %s", dataset.name, error)
            return False
    return True


def pour_overviews(path: str, overviews: Overviews, **options: Any) -> None:
    """Write overviews into the reserved space of a closed raster, or raise OSError."""
    for index in range(len(overviews.levels)):
        with updating(path, OVERVIEW_LEVEL=index, **options) as dataset:
            _pour(with_many_bands(dataset), overviews, index)


def _pour(dataset: DatasetWriter, overviews: Overviews, index: int) -> None:
    rows, cols = overviews.size(index)
    if dataset.shape != (rows, cols):
        raise OverviewSizeError(
            f"overview {overviews.levels[index]} of '{dataset.name}' has {dataset.shape} pixels, "
            f"not {(rows, cols)}"
        )
    for first, strip in overviews.strips(index, _strip_height(dataset)):
        dataset.write(strip, window=Window(0, first, cols, strip.shape[1]))


def _strip_height(dataset: DatasetWriter) -> int:
    """Return how many rows to put together: whole tiles, within the limit of bytes."""
    tile = max(height for height, _ in dataset.block_shapes)
    tile *= max(1, FEWEST_ROWS // tile)
    row = dataset.width * sum(np.dtype(name).itemsize for name in dataset.dtypes)
    return int(max(1, STRIP_BYTES // (row * tile)) * tile)


def build_overviews(path: str, levels: Sequence[int], method: str, **options: Any) -> bool:
    """Make overviews of a closed raster with GDAL, or raise OSError; False if it cannot."""
    try:
        with rasterio.open(path) as finished:
            parts = made_together(finished, levels)
        for some in parts:
            with updating(path, **options) as dataset:
                dataset.build_overviews(some, RESAMPLING[method])
    except GdalNotSupportedError:
        return False
    except GdalError as error:
        raise OSError(str(error)) from error
    return True


def made_together(dataset: DatasetReader, levels: Sequence[int]) -> list[list[int]]:
    """Return which overviews GDAL can make of a raster before it must be opened again."""
    # of 64-bit integers with a nodata value, GDAL loses all but the first
    if set(WIDE).intersection(dataset.dtypes) and nodata_values(dataset)[0] is not None:
        return [[level] for level in levels]
    return [list(levels)] if levels else []
