"""What a format has not kept of an output: some lose a part of it and do not report that."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, DatasetWriter

from rios_flows import rioserrors
from rios_flows.files.layout import layout_of
from rios_flows.files.nodatavalues import nodata_values
from rios_flows.formats.format import Wanted
from rios_flows.gdal.pixeltypes import keeps_all
from rios_flows.geometry.grid import PixelGrid
from rios_flows.outputs.choices import Made
from rios_flows.outputs.colors import colored_bands
from rios_flows.outputs.targets import Target
from rios_flows.reducers.nodata import Number

logger = logging.getLogger(__name__)

#: How many tiles of all bands need room in the cache of a driver that puts them together. Pixels
#: were lost with room for three.
CACHED_TILES = 6

#: How far a corner may be from its place (pixels): formats write few digits.
TOLERANCE = 0.01


def check_created(target: Target, dataset: DatasetWriter, expected: Wanted) -> None:
    """Refuse a file of other bands or of a narrower type, as some drivers make without a word."""
    where = f"{target.title}: {dataset.driver}"
    if dataset.count != expected.bands:
        raise rioserrors.ImageOpenError(
            f"{where} makes {dataset.count} bands in place of {expected.bands}; use another driver"
        )
    made, wanted = dataset.dtypes[0], expected.dtype
    if not _holds(made, wanted):
        raise rioserrors.TypeConversionError(
            f"{where} cannot hold {wanted.name}, and would make {made} of it; convert it "
            "in the user function, for instance with astype"
        )
    if target.format.written.assembles_tiles and dataset.count > 1:
        _check_room(dataset, where)


def _check_room(dataset: DatasetWriter, where: str) -> None:
    """Refuse tiles that are too large for all their bands to be in the block cache together."""
    if dataset.interleaving is None or dataset.interleaving.value != "PIXEL":
        return
    layout = layout_of(dataset, dataset.indexes)
    tile = layout.block_cols * layout.block_rows * layout.pixel_bytes
    cache = int(rasterio.env.get_gdal_config("GDAL_CACHEMAX"))
    if tile * CACHED_TILES > cache:
        raise rioserrors.ImageOpenError(
            f"{where} puts all bands of a tile together, {_mebibytes(tile)}, and loses pixels "
            f"unless GDAL's block cache has room for {CACHED_TILES} such tiles: it has "
            f"{_mebibytes(cache)}; call setCreationOptions with INTERLEAVE=BAND or a smaller "
            f"BLOCKSIZE, or set GDAL_CACHEMAX to {_mebibytes(tile * CACHED_TILES)} or more"
        )


def _mebibytes(nbytes: int) -> str:
    return f"{math.ceil(nbytes / 2**20)} MiB"


def check_kept(target: Target, path: str, made: Made) -> None:
    """Warn of what a finished file has lost, and refuse one of other pixels."""
    driver, expected, grid = target.format.driver, made.expected, made.expected.grid
    if target.format.is_faithful and target.format.has_position((grid.nrows, grid.ncols)):
        return
    where = target.title
    try:
        with rasterio.open(path) as dataset:
            other = other_pixels(dataset, expected)
            lost = [] if other else [*_lost(dataset, grid, target.options.nodata)]
            colored = colored_bands(target, expected.dtype, made.bands)
            if not other and any(_is_plain(dataset, band) for band in colored):
                lost.append("colour table")
            if not other and _lacks_statistics(dataset, made):
                lost.append("statistics")
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
    """Return how a file differs from what was written in a way that loses pixels."""
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


def _lacks_statistics(dataset: DatasetReader, made: Made) -> bool:
    if not made.chosen.statistics or made.changed:
        return False
    measured = [number for number, band in enumerate(made.bands, 1) if band is not None]
    # a file keeps them of all bands or of none
    return any("STATISTICS_MINIMUM" not in dataset.tags(band) for band in measured[:1])


def _is_plain(dataset: DatasetReader, band: int) -> bool:
    try:
        dataset.colormap(band)
    except ValueError:
        return True
    return False


def same_place(dataset: DatasetReader, grid: PixelGrid) -> bool:
    """Tell whether a file's pixels lie on a grid."""
    to_pixels, corners = ~grid.transform, ((0, 0), (grid.ncols, 0), (0, grid.nrows))
    moved = (math.dist(to_pixels * (dataset.transform * corner), corner) for corner in corners)
    return all(distance <= TOLERANCE for distance in moved)


def _same(value: Number | None, wanted: Number | None) -> bool:
    return value == wanted or (value != value and wanted != wanted)
