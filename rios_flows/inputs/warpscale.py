"""How many working pixels a source pixel becomes: worked out once for a job, as GDAL would.

GDAL widens its kernels when a warp makes an image smaller, and takes the factor from the part that
it happens to warp at once. Fixed for the whole job, it no longer depends on how the work is cut.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.geometry.crs import period, same_crs, transform_points
from rios_flows.geometry.regions import Box, box_of, grid_of
from rios_flows.grid import PixelGrid

#: Samples on every edge of the image, and on every side of a grid of them, as in GDAL.
STEPS = 21

#: The factor by area is not believed where it is this many times smaller than the local one: the
#: image then crosses the antimeridian, and seems to need all of the source.
WRAPPED = 3

_Points = tuple[NDArray[np.float64], NDArray[np.float64]]


class Scale(NamedTuple):
    """Working pixels to a source pixel: below 1 where the image becomes smaller."""

    x: float
    y: float


def warp_scale(source: PixelGrid, target: PixelGrid) -> Scale:
    """Return the scale of a warp from one grid onto another.

    It is the size of the image, as far as the source reaches, over the size of the source's part
    that it needs: the numbers that GDAL 3.10 takes when it warps the whole image at once.

    Raises
    ------
    GdalWarpError
        If one has no CRS, or no point of the target has a place in the source's.
    """
    part = _covered(source, target)
    columns, rows = _source_pixels(source, part, *_edge(part))
    if not np.isfinite(columns).all():
        columns, rows = _source_pixels(source, part, *_inside(part))
    good = np.isfinite(columns) & np.isfinite(rows)
    if not good.any():
        raise rioserrors.GdalWarpError(
            f"No pixel of the working grid {tuple(target.bounds)} has a place in the source's CRS"
        )
    by_area = Scale(
        _ratio(part.ncols, columns[good], source.ncols),
        _ratio(part.nrows, rows[good], source.nrows),
    )
    local = _local_scale(source, part)
    return Scale(*(_believable(*pair) for pair in zip(by_area, local, strict=True)))


def _covered(source: PixelGrid, target: PixelGrid) -> PixelGrid:
    """Return the part of the target that the source reaches; all of it, if none or unknown."""
    box = box_of(source, target)
    part = Box(
        max(box.left, 0),
        max(box.top, 0),
        min(box.right, target.ncols),
        min(box.bottom, target.nrows),
    )
    if part.left >= part.right or part.top >= part.bottom:
        return target
    return grid_of(part, target)


def _source_pixels(
    source: PixelGrid, target: PixelGrid, columns: NDArray[np.float64], rows: NDArray[np.float64]
) -> _Points:
    """Carry points in pixels of the target to pixels of the source."""
    x, y = target.xmin + columns * target.xres, target.ymax - rows * target.yres
    if not same_crs(source.crs, target.crs):
        x, y = transform_points(target.crs, source.crs, x, y)
        x = _nearest_turn(x, source)
    return (x - source.xmin) / source.xres, (source.ymax - y) / source.yres


def _nearest_turn(x: NDArray[np.float64], source: PixelGrid) -> NDArray[np.float64]:
    """Count longitudes as the source does, whose middle may lie beyond 180 degrees."""
    turn = period(source.crs)
    if turn is None:
        return x
    start = (source.xmin + source.xmax - turn) / 2
    with np.errstate(invalid="ignore"):
        return start + (x - start) % turn


def _edge(grid: PixelGrid) -> _Points:
    ratio = np.linspace(0, 1, STEPS)
    across, down = ratio * grid.ncols, ratio * grid.nrows
    zero, ncols, nrows = np.zeros(STEPS), np.full(STEPS, grid.ncols), np.full(STEPS, grid.nrows)
    return np.concatenate([across, across, zero, ncols]), np.concatenate([zero, nrows, down, down])


def _inside(grid: PixelGrid) -> _Points:
    columns, rows = np.meshgrid(
        np.linspace(0, grid.ncols, STEPS), np.linspace(0, grid.nrows, STEPS)
    )
    return columns.ravel(), rows.ravel()


def _ratio(size: int, positions: NDArray[np.float64], source_size: int) -> float:
    """Return one axis's scale from the positions that the image needs in the source (pixels)."""
    low, high = float(positions.min()), float(positions.max())
    needed = max(0.0, min(source_size - max(0, int(low)), high - low))
    if needed == 0:
        return 1.0
    return _tidied(size / needed)


def _tidied(scale: float) -> float:
    """Take the nearest whole factor of reduction if it is close, as GDAL does; never enlarge."""
    if scale >= 1:
        return 1.0
    whole = math.floor(1 / scale + 0.5)
    return 1 / whole if abs(1 / scale - whole) < 0.05 else scale


def _local_scale(source: PixelGrid, target: PixelGrid) -> Scale:
    """Return the scale between neighbouring pixels, averaged over the image."""
    columns, rows = _inside(target)
    x, y = _source_pixels(source, target, columns, rows)
    right_x, right_y = _source_pixels(source, target, columns + 1, rows)
    down_x, down_y = _source_pixels(source, target, columns, rows + 1)
    with np.errstate(invalid="ignore"):
        step_x = np.maximum(abs(right_x - x), abs(down_x - x))
        step_y = np.maximum(abs(right_y - y), abs(down_y - y))
    return Scale(_mean_inverse(step_x), _mean_inverse(step_y))


def _mean_inverse(steps: NDArray[np.float64]) -> float:
    good = steps[np.isfinite(steps) & (steps > 0)]
    if not len(good):
        return 1.0
    # the median leaves out the few steps that jump across the antimeridian
    return float(1 / np.median(good))


def _believable(by_area: float, local: float) -> float:
    return by_area if by_area * WRAPPED >= min(local, 1.0) else _tidied(local)
