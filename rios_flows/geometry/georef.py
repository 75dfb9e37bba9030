"""The grid of a raster file, and what to do if its georeferencing is missing or rotated."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rasterio.transform import Affine

from rios_flows import rioserrors
from rios_flows.geometry.grid import PixelGrid

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

#: A grid rotated by less than this, from one end of the raster to the other, counts as north-up
#: (pixels): some programs leave such rounding errors.
NEGLIGIBLE_TURN = 0.001


def grid_of_dataset(dataset: DatasetReader, what: str) -> PixelGrid:
    """Return the grid of an open raster; refuse one that is not north-up with FileOpenError."""
    problem = _problem(dataset)
    if problem:
        raise rioserrors.FileOpenError(f"{what} {problem}")
    transform = dataset.transform
    return PixelGrid(
        xmin=transform.c,
        ymax=transform.f,
        xres=transform.a,
        yres=-transform.e,
        ncols=dataset.width,
        nrows=dataset.height,
        crs=dataset.crs.to_wkt() if dataset.crs else "",
    )


def _problem(dataset: DatasetReader) -> str:
    transform = dataset.transform
    if transform == Affine.identity():
        if dataset.gcps[0] or dataset.rpcs:
            return (
                "is placed by ground control points or a sensor model, not by a grid; warp it "
                "first, for instance with `gdalwarp -t_srs EPSG:... in.tif out.tif`"
            )
        return (
            "has no georeferencing; say where it lies first, for instance with "
            "`gdal_translate -a_ullr XMIN YMAX XMAX YMIN -a_srs EPSG:... in.tif out.tif`"
        )
    numbers = tuple(transform)[:6]
    if transform.is_degenerate or not math.isfinite(sum(numbers)):
        return (
            f"has no usable georeferencing (transform {numbers}); say where it lies first, for "
            "instance with `gdal_edit.py -a_ullr XMIN YMAX XMAX YMIN in.tif`"
        )
    right, down = abs(transform.b) * dataset.height, abs(transform.d) * dataset.width
    if right > NEGLIGIBLE_TURN * abs(transform.a) or down > NEGLIGIBLE_TURN * abs(transform.e):
        return (
            f"is rotated (transform {numbers}); warp it to a north-up grid first, for instance "
            "with `gdalwarp in.tif out.tif`"
        )
    if transform.e > 0 or transform.a < 0:
        return (
            f"is not north-up: its rows or columns run backwards (transform {numbers}); turn it "
            "first, for instance with `gdalwarp in.tif out.tif`"
        )
    return ""
