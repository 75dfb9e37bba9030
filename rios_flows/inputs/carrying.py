"""How the geometries of a layer come onto the working grid.

One rule holds for all vectors: what is burnt is the geometry in the CRS of the working grid, with
straight edges of another CRS drawn as the curves that they are there. So there is no resampling.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.geometry.crs import crs_name, same_crs, transform_points, turn_of
from rios_flows.geometry.footprints import in_turn_of, project_bounds
from rios_flows.geometry.grid import Bounds, PixelGrid
from rios_flows.geometry.regions import Box, grid_of, widened
from rios_flows.inputs.burning import Geometries, Shapes, cut, meeting, to_pixels
from rios_flows.inputs.features import Features
from rios_flows.inputs.vectors import VectorSource

logger = logging.getLogger(__name__)

#: Largest distance of an edge, carried to another CRS, from the curve that it is there (pixels).
STRAIGHT = 0.05

#: Geometries of another CRS are cut off this far from the working grid before they are carried over
#: (pixels): farther away they may have no place in its CRS.
REACH = 1024

#: First and last x of a layer whose bounds are not known.
ANYWHERE = (-math.inf, math.inf)

#: All geometries are cut off this far from the working grid (pixels).
FAR = 2**20


@dataclass(frozen=True, slots=True)
class Placing:
    """How the geometries of a layer come onto a grid; lengths in units of the layer's CRS."""

    # empty where the layer has none, or the grid's
    crs: str
    # of the grid and ``REACH`` pixels around it
    extent: Bounds
    # edges are carried over in pieces of this length at most
    length: float
    # how far geometries are moved in x, one after the other
    shifts: tuple[float, ...]


def placing_of(crs: str, grid: PixelGrid, reach: tuple[float, float] = ANYWHERE) -> Placing:
    """Return how geometries in a CRS, with x between the two of ``reach``, come onto a grid."""
    around = widened(grid, REACH)
    if same_crs(crs, grid.crs):
        return Placing("", around.bounds, math.inf, _shifts(grid.crs, grid.bounds, reach))
    extent = project_bounds(around, crs)
    inner = project_bounds(grid, crs, near=(extent.xmin + extent.xmax) / 2)
    # if only a part has a place there, points as far apart as those of ``around`` may miss it
    extent = Bounds(
        min(extent.xmin, inner.xmin),
        min(extent.ymin, inner.ymin),
        max(extent.xmax, inner.xmax),
        max(extent.ymax, inner.ymax),
    )
    return Placing(crs, extent, _piece_length(crs, grid, inner), _shifts(crs, inner, reach))


def window_bounds(
    placing: Placing, grid: PixelGrid, window: tuple[int, int, int, int]
) -> list[tuple[float, Bounds]]:
    """Return the placing's shifts, each with where to look for a window's features."""
    left, top, cols, rows = window
    around = grid_of(Box(left - 2, top - 2, left + cols + 2, top + rows + 2), grid)
    bounds, extent = around.bounds, placing.extent
    if placing.crs:
        try:
            bounds = project_bounds(around, placing.crs, near=(extent.xmin + extent.xmax) / 2)
        except rioserrors.GdalWarpError:
            return []
    return [
        (shift, Bounds(bounds.xmin - shift, bounds.ymin, bounds.xmax - shift, bounds.ymax))
        for shift in placing.shifts
    ]


def place(parts: Iterable[tuple[float, Features]], placing: Placing, grid: PixelGrid) -> Shapes:
    """Bring features onto a grid; each part has its shift, and keeps the order of burning."""
    placed, lost = [], 0
    for shift, features in parts:
        near = _seen(features, placing.extent, shift)
        moved, without_place = _moved(near.geometry, shift, placing, grid)
        lost += without_place
        placed.append((moved, near.values, near.order))
    geometry, values, order = map(np.concatenate, zip(*placed, strict=True))
    sequence = np.argsort(order, kind="stable")
    # GDAL counts pixels in 32 bits; what is nearer is burnt as it is
    pixels = to_pixels(cut(geometry[sequence], widened(grid, FAR).bounds), grid)
    return Shapes.of(pixels, values[sequence], lost)


def warn_of_lost(source: VectorSource, grid: PixelGrid, lost: int) -> None:
    """Warn of features that are not burnt as a whole, since a part has no place on the grid."""
    if lost:
        logger.warning(
            "%s: %d features near the working grid have a part without a place in its CRS (%s), "
            "and such parts are not burnt; cut them off where they have none",
            *(source.what, lost, crs_name(grid.crs)),
        )


def _shifts(crs: str, bounds: Bounds, reach: tuple[float, float]) -> tuple[float, ...]:
    """Return by how much to move features in x that count longitudes from another side."""
    # a grid across the antimeridian has longitudes beyond 180 degrees, and some layers have
    turn = turn_of(crs, bounds)
    shifts = [0.0]
    if turn is not None and (bounds.xmax > turn / 2 or reach[0] < -turn / 2):
        shifts.append(turn)
    if turn is not None and (bounds.xmin < -turn / 2 or reach[1] > turn / 2):
        shifts.append(-turn)
    return tuple(shifts)


def _piece_length(crs: str, grid: PixelGrid, extent: Bounds) -> float:
    """Return the longest straight edge of which only the ends must be carried over (CRS units)."""
    # measured by how much lines in four directions bend, all over the grid
    span = max(extent.xmax - extent.xmin, extent.ymax - extent.ymin)
    trial = span / 32
    across = np.linspace(extent.xmin + trial, extent.xmax - trial, 7)
    down = np.linspace(extent.ymin + trial, extent.ymax - trial, 7)
    angles = np.arange(4) * math.pi / 4
    x, y, angle = (part.ravel() for part in np.meshgrid(across, down, angles))
    right, up = trial / 2 * np.cos(angle), trial / 2 * np.sin(angle)
    (x0, y0), (x1, y1), (x2, y2) = (
        transform_points(crs, grid.crs, x + way * right, y + way * up) for way in (-1, 0, 1)
    )
    with np.errstate(invalid="ignore"):
        apart = np.hypot((x1 - (x0 + x2) / 2) / grid.xres, (y1 - (y0 + y2) / 2) / grid.yres)
    most = np.max(apart, where=np.isfinite(apart), initial=0)
    # an edge bends with the square of its length
    return min(span, trial * math.sqrt(STRAIGHT / most)) if most else math.inf


def _seen(features: Features, extent: Bounds, shift: float) -> Features:
    """Leave out what is nowhere near the grid."""
    edges = shapely.bounds(features.geometry) + np.array([shift, 0, shift, 0])
    near = meeting(edges, extent)
    geometry, values, order, fids = features
    return Features(geometry[near], values[near], order[near], fids[near])


def _moved(
    geometry: Geometries, shift: float, placing: Placing, grid: PixelGrid
) -> tuple[Geometries, int]:
    """Carry geometries to the CRS of the grid; count those with a part that has no place there."""
    if shift:
        geometry = shapely.transform(geometry, lambda points: points + np.array([shift, 0]))
    if not placing.crs or not len(geometry):
        return geometry, 0
    geometry = cut(geometry, placing.extent)
    if math.isfinite(placing.length):
        geometry = shapely.segmentize(geometry, placing.length)
    moved: Geometries = shapely.transform(geometry, lambda points: _carried(points, placing, grid))
    (partly,) = np.nonzero(~(shapely.is_empty(moved) | _has_place(moved)))
    if len(partly):
        moved[partly] = _parts_with_place(moved[partly])
    return moved, len(partly)


def _has_place(geometry: Geometries) -> NDArray[np.bool_]:
    there: NDArray[np.bool_] = np.isfinite(shapely.bounds(geometry)).all(axis=1)
    return there


def _parts_with_place(geometry: Geometries) -> Geometries:
    """Leave out parts that have a vertex without a place."""
    parts, owner = shapely.get_parts(geometry, return_index=True)
    kept = _has_place(parts)
    result = np.full(len(geometry), shapely.Point(), dtype=object)
    for number in np.unique(owner[kept]):
        result[number] = shapely.geometrycollections(parts[kept & (owner == number)])
    return result


def _carried(points: NDArray[np.float64], placing: Placing, grid: PixelGrid) -> NDArray[np.float64]:
    x, y = transform_points(placing.crs, grid.crs, points[:, 0], points[:, 1])
    turn = turn_of(grid.crs, grid.bounds)
    if turn is not None and (grid.xmax > turn / 2 or grid.xmin < -turn / 2):
        x = in_turn_of(grid, x, turn)
    return np.column_stack([x, y])
