"""How grids lie to one another: aligned or not and why, what they share, what holds them all.

Regions are worked out in whole pixels of a reference grid, so a result is always aligned with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.crs import crs_name, period, same_crs, transform_points
from rios_flows.grid import Bounds, PixelGrid

#: By how much grids may be out of step and still be aligned: this part of a pixel, divided by the number
#: of pixels along the longest side.
ALIGNMENT_TOLERANCE = 0.001

#: Points on every edge of a grid when its outline is carried to another CRS.
EDGE_POINTS = 101

# Longitudes and latitudes, in which footprints of different CRSs are compared
_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]'
)


class Box(NamedTuple):
    """A rectangle in pixels of a reference grid; ``right`` and ``bottom`` are one past the last."""

    left: int
    top: int
    right: int
    bottom: int


def mismatch(a: PixelGrid, b: PixelGrid) -> str:
    """Say in what two grids differ, with both values; empty where pixels of one are pixels of the other.

    Extents do not matter.
    """
    if not same_crs(a.crs, b.crs):
        return f"CRS ({crs_name(a.crs)} and {crs_name(b.crs)})"
    if (a.xres, a.yres) != (b.xres, b.yres):
        return f"pixel size ({a.xres!r} x {a.yres!r} and {b.xres!r} x {b.yres!r})"
    right, down = _out_of_step(a, b)
    limit = alignment_tolerance(a, b)
    if right > limit or down > limit:
        return (
            f"alignment (corners at {a.xmin!r}, {a.ymax!r} and {b.xmin!r}, {b.ymax!r}: "
            f"{right / a.xres:.4g} pixel out of step in x, {down / a.yres:.4g} in y)"
        )
    return ""


def alignment_tolerance(a: PixelGrid, b: PixelGrid) -> float:
    """Return by how much the corners of aligned grids may be out of step (CRS units)."""
    longest = max(a.ncols, a.nrows, b.ncols, b.nrows)
    # but not less than the rounding of the corners themselves
    rounding = 4 * math.ulp(max(abs(corner) for corner in (a.xmin, a.ymax, b.xmin, b.ymax)))
    return max(ALIGNMENT_TOLERANCE * min(a.xres, a.yres) / longest, rounding)


def _out_of_step(a: PixelGrid, b: PixelGrid) -> tuple[float, float]:
    right, down = a.xmin - b.xmin, b.ymax - a.ymax
    return (
        abs(right - round_away(right / b.xres) * b.xres),
        abs(down - round_away(down / b.yres) * b.yres),
    )


def offset(of: PixelGrid, inside: PixelGrid) -> tuple[int, int]:
    """Return the column and row of ``inside`` at which the first pixel of ``of`` lies."""
    return (
        round_away((of.xmin - inside.xmin) / inside.xres),
        round_away((inside.ymax - of.ymax) / inside.yres),
    )


def round_away(value: float) -> int:
    """Round to the nearest whole number, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def box_of(grid: PixelGrid, reference: PixelGrid) -> Box:
    """Return where a grid lies, in pixels of ``reference``; not aligned ones are snapped to the nearest.

    Raises
    ------
    GdalWarpError
        If the grid has no place in the CRS of the reference.
    """
    if not mismatch(grid, reference):
        left, top = offset(grid, reference)
        return Box(left, top, left + grid.ncols, top + grid.nrows)
    bounds = grid.bounds
    if not same_crs(grid.crs, reference.crs):
        bounds = project_bounds(grid, reference.crs, near=reference)
    return Box(
        round_away((bounds.xmin - reference.xmin) / reference.xres),
        round_away((reference.ymax - bounds.ymax) / reference.yres),
        round_away((bounds.xmax - reference.xmin) / reference.xres),
        round_away((reference.ymax - bounds.ymin) / reference.yres),
    )


def grid_of(box: Box, reference: PixelGrid) -> PixelGrid:
    """Return the grid of a box in pixels of ``reference``."""
    return PixelGrid(
        xmin=reference.xmin + box.left * reference.xres,
        ymax=reference.ymax - box.top * reference.yres,
        xres=reference.xres,
        yres=reference.yres,
        ncols=box.right - box.left,
        nrows=box.bottom - box.top,
        crs=reference.crs,
    )


def snap(grid: PixelGrid, reference: PixelGrid) -> PixelGrid:
    """Return a grid's extent in the CRS and the pixels of ``reference``; itself where it is aligned.

    Raises
    ------
    GdalWarpError
        If the grid has no place in the CRS of the reference.
    IntersectionError
        If it is smaller than half a pixel.
    """
    box = box_of(grid, reference)
    _refuse_empty(box, [grid], reference)
    return grid_of(box, reference)


def intersect(grids: Sequence[PixelGrid], reference: PixelGrid) -> PixelGrid:
    """Return what all grids share, in the pixels of ``reference``, whose own extent does not matter.

    Where CRSs differ, grids that surround all others are left out: see :func:`without_surrounding`.

    Raises
    ------
    IntersectionError
        If they share no pixel.
    GdalWarpError
        If a grid has no place in the CRS of the reference.
    """
    kept = list(grids)
    if not all(same_crs(grid.crs, reference.crs) for grid in kept):
        kept = without_surrounding(kept)
    boxes = [box_of(grid, reference) for grid in kept]
    box = Box(
        max(box.left for box in boxes),
        max(box.top for box in boxes),
        min(box.right for box in boxes),
        min(box.bottom for box in boxes),
    )
    _refuse_empty(box, grids, reference)
    return grid_of(box, reference)


def union(grids: Sequence[PixelGrid], reference: PixelGrid) -> PixelGrid:
    """Return the smallest grid that holds all, in the pixels of ``reference``, whose own extent does not matter.

    Raises
    ------
    GdalWarpError
        If a grid has no place in the CRS of the reference.
    """
    boxes = [box_of(grid, reference) for grid in grids]
    box = Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )
    _refuse_empty(box, grids, reference)
    return grid_of(box, reference)


def _refuse_empty(box: Box, grids: Sequence[PixelGrid], reference: PixelGrid) -> None:
    if box.left < box.right and box.top < box.bottom:
        return
    extents = "; ".join(
        "x {:.10g} to {:.10g}, y {:.10g} to {:.10g} in {}".format(
            grid.bounds.xmin,
            grid.bounds.xmax,
            grid.bounds.ymin,
            grid.bounds.ymax,
            crs_name(grid.crs),
        )
        for grid in list(grids)[:6]
    )
    more = f" and {len(grids) - 6} more" if len(grids) > 6 else ""
    raise rioserrors.IntersectionError(
        f"Images don't intersect: they share no pixel of {reference.xres:g} x {reference.yres:g} "
        f"({extents}{more}); check the files, or set the footprint type to UNION"
    )


def without_surrounding(grids: Sequence[PixelGrid]) -> list[PixelGrid]:
    """Leave out, one after the other, grids that surround all others in longitude and latitude.

    A global raster adds nothing to an intersection, and often has no outline in a local CRS. At least one
    grid is kept.
    """
    kept = list(grids)
    boxes = [_lon_lat(grid) for grid in kept]
    while len(kept) > 1:
        for index, box in enumerate(boxes):
            if all(_surrounds(box, other) for place, other in enumerate(boxes) if place != index):
                del kept[index], boxes[index]
                break
        else:
            break
    return kept


def _lon_lat(grid: PixelGrid) -> Bounds:
    return project_bounds(grid, _WGS84)


def _surrounds(outer: Bounds, inner: Bounds) -> bool:
    if outer.xmax - outer.xmin >= 360:
        turns = 0
    else:
        turns = round_away((outer.xmin + outer.xmax - inner.xmin - inner.xmax) / 720)
    shift = 360 * turns
    wide = outer.xmax - outer.xmin >= 360 or (
        outer.xmin <= inner.xmin + shift and outer.xmax >= inner.xmax + shift
    )
    return wide and outer.ymin <= inner.ymin and outer.ymax >= inner.ymax


def project_bounds(grid: PixelGrid, crs: str, near: PixelGrid | None = None) -> Bounds:
    """Return the rectangle in another CRS that holds a grid.

    Its outline is carried over with 101 points on every edge. Across the antimeridian x goes on counting;
    it is then moved by whole turns to where ``near`` lies. A grid that holds a pole goes all round.

    Raises
    ------
    GdalWarpError
        If no point of the grid has a place there, or one of them has no CRS.
    """
    if not grid.crs or not crs:
        raise rioserrors.GdalWarpError(
            f"A raster in {crs_name(grid.crs)} cannot be placed in {crs_name(crs)}: say what CRS "
            "the one without is in, for instance with `rio edit-info --crs` or gdal_edit.py -a_srs"
        )
    x, y = transform_points(grid.crs, crs, *_outline(grid))
    if not np.isfinite(x).all():
        return _bounds_of_inside(grid, crs)
    turn = period(crs)
    if turn is None:
        return Bounds(x.min(), y.min(), x.max(), y.max())
    x = np.unwrap(x, period=turn)
    if abs(x[-1] - x[0]) > turn / 2:
        return _bounds_round_pole(grid, crs, y, turn)
    shift = 0.0
    if near is not None:
        centre = (near.xmin + near.xmax) / 2
        shift = turn * round_away((centre - (x.min() + x.max()) / 2) / turn)
    return Bounds(x.min() + shift, y.min(), x.max() + shift, y.max())


def _outline(grid: PixelGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    across = np.linspace(grid.xmin, grid.xmax, EDGE_POINTS)
    down = np.linspace(grid.ymax, grid.ymin, EDGE_POINTS)
    x = np.concatenate(
        [across, np.full_like(down, across[-1]), across[::-1], np.full_like(down, across[0])]
    )
    y = np.concatenate(
        [np.full_like(across, down[0]), down, np.full_like(across, down[-1]), down[::-1]]
    )
    return x, y


def _bounds_of_inside(grid: PixelGrid, crs: str) -> Bounds:
    """Take what has a place there, where a part of the outline has none."""
    x, y = np.meshgrid(
        np.linspace(grid.xmin, grid.xmax, EDGE_POINTS),
        np.linspace(grid.ymin, grid.ymax, EDGE_POINTS),
    )
    x, y = transform_points(grid.crs, crs, x.ravel(), y.ravel())
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        raise rioserrors.GdalWarpError(
            f"A raster in {crs_name(grid.crs)} at {tuple(grid.bounds)} has no place in {crs_name(crs)}"
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
