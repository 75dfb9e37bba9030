"""Outlines of grids in another CRS, across the antimeridian and round the poles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.geometry.crs import counts_turns, crs_difference, crs_name, period, transform_points
from rios_flows.geometry.grid import Bounds, PixelGrid

#: Points on every edge of a grid when its outline is transformed to another CRS.
EDGE_POINTS = 101

# longitudes and latitudes, in which footprints of different CRSs are compared
_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]'
)


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Put a name before the message of a GdalWarpError; nothing happens without a name."""
    try:
        yield
    except rioserrors.GdalWarpError as error:
        if not what:
            raise
        raise rioserrors.GdalWarpError(f"{what}: {error}") from error


def project_bounds(grid: PixelGrid, crs: str, near: float | None = None) -> Bounds:
    """Return the rectangle in another CRS that contains a grid, in the turn of the x ``near``."""
    if not grid.crs or not crs:
        raise rioserrors.GdalWarpError(
            f"A raster in {crs_name(grid.crs)} cannot be placed in {crs_name(crs)}: set the CRS "
            "that is missing, for instance with `rio edit-info --crs` or gdal_edit.py -a_srs"
        )
    x, y = transform_points(grid.crs, crs, *outline(grid))
    if not np.isfinite(x).all():
        return _bounds_of_inside(grid, crs)
    turn = period(crs)
    if turn is None:
        return Bounds(x.min(), y.min(), x.max(), y.max())
    # across the antimeridian x counts on
    x = np.unwrap(x, period=turn)
    if abs(x[-1] - x[0]) > turn / 2:
        return _bounds_round_pole(grid, crs, y, turn)
    shift = 0.0
    if near is not None and counts_turns(near, turn):
        shift = turn * round((near - (x.min() + x.max()) / 2) / turn)
    return Bounds(x.min() + shift, y.min(), x.max() + shift, y.max())


def outline(grid: PixelGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y of points round a grid, from its top left corner back to it."""
    across = np.linspace(grid.xmin, grid.xmax, EDGE_POINTS)
    down = np.linspace(grid.ymax, grid.ymin, EDGE_POINTS)
    edge = np.ones(EDGE_POINTS)
    x = np.concatenate([across, edge * grid.xmax, across[::-1], edge * grid.xmin])
    y = np.concatenate([edge * grid.ymax, down, edge * grid.ymin, down[::-1]])
    return x, y


def _bounds_of_inside(grid: PixelGrid, crs: str) -> Bounds:
    """Return bounds of the points that have a place there, if a part of the outline has none."""
    x, y = np.meshgrid(
        np.linspace(grid.xmin, grid.xmax, EDGE_POINTS),
        np.linspace(grid.ymin, grid.ymax, EDGE_POINTS),
    )
    x, y = transform_points(grid.crs, crs, x.ravel(), y.ravel())
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        details = crs_difference(grid.crs, crs)
        raise rioserrors.GdalWarpError(
            f"A raster in {crs_name(grid.crs)} at {tuple(grid.bounds)} "
            f"has no place in {crs_name(crs)}{details and f': {details}'}"
        )
    return Bounds(x[good].min(), y[good].min(), x[good].max(), y[good].max())


def _bounds_round_pole(grid: PixelGrid, crs: str, y: NDArray[np.float64], turn: float) -> Bounds:
    """Widen the bounds of an outline that goes round a pole, up to it and all round."""
    pole = turn / 4
    x, down = transform_points(crs, grid.crs, np.zeros(2), np.array([-pole, pole]))
    inside = (x >= grid.xmin) & (x <= grid.xmax) & (down >= grid.ymin) & (down <= grid.ymax)
    low = -pole if inside[0] else float(y.min())
    high = pole if inside[1] else float(y.max())
    return Bounds(-turn / 2, low, turn / 2, high)


def lon_lat_bounds(grid: PixelGrid) -> Bounds:
    """Return the rectangle of longitudes and latitudes that contains a grid (degrees)."""
    return project_bounds(grid, _WGS84)


def in_turn_of(grid: PixelGrid, x: NDArray[np.float64], turn: float) -> NDArray[np.float64]:
    """Count longitudes as a grid does, whose middle may lie beyond 180 degrees."""
    start = (grid.xmin + grid.xmax - turn) / 2
    with np.errstate(invalid="ignore"):
        return start + (x - start) % turn


def surrounds_lon_lat(outer: Bounds, inner: Bounds) -> bool:
    """Return whether a rectangle of longitudes and latitudes contains another, turns aside."""
    if outer.ymin > inner.ymin or outer.ymax < inner.ymax:
        return False
    if outer.xmax - outer.xmin >= 360:
        return True
    # move the inner left edge into the turn that begins at the outer left edge
    left = outer.xmin + (inner.xmin - outer.xmin) % 360
    return left + inner.xmax - inner.xmin <= outer.xmax
