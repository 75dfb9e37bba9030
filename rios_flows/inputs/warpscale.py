"""How many working pixels a source pixel becomes: computed once for a job, from the transform.

A warp that makes an image smaller widens its kernels by this. GDAL would take it from the bounding
box of each part that it warps: it would depend on how the work is cut, and a grid that is turned
against the other would look smaller, and be blurred for nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.geometry.crs import same_crs, transform_points, turn_of
from rios_flows.geometry.footprints import in_turn_of
from rios_flows.geometry.grid import PixelGrid
from rios_flows.geometry.regions import box_of, grid_of

#: Samples along each side of the image.
STEPS = 21


class Scale(NamedTuple):
    """Working pixels to a source pixel: below 1 where the image becomes smaller."""

    x: float
    y: float


def warp_scale(source: PixelGrid, target: PixelGrid) -> Scale:
    """Return the scale of a warp from one grid onto another, never above 1."""
    # One over the length of the step that a working pixel makes along an axis of the source: the
    # norm of the Jacobian's row, which turning one grid against the other does not change.
    part = _covered(source, target)
    sides = np.linspace(0, part.ncols, STEPS), np.linspace(0, part.nrows, STEPS)
    columns, rows = (side.ravel() for side in np.meshgrid(*sides))
    here = _source_pixels(source, part, columns, rows)
    if not np.isfinite(here).any():
        raise rioserrors.GdalWarpError(
            f"No pixel of the working grid {tuple(target.bounds)} has a place in the source's CRS"
        )
    right = _source_pixels(source, part, columns + 1, rows)
    below = _source_pixels(source, part, columns, rows + 1)
    return Scale(*map(_axis_scale, here, right, below))


def _covered(source: PixelGrid, target: PixelGrid) -> PixelGrid:
    """Return the part of the target that the source reaches; all of it, if none or unknown."""
    part = box_of(source, target).within(target.ncols, target.nrows)
    return target if part.is_empty else grid_of(part, target)


def _source_pixels(
    source: PixelGrid, target: PixelGrid, columns: NDArray[np.float64], rows: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Carry points in pixels of the target to pixels of the source."""
    x, y = target.xmin + columns * target.xres, target.ymax - rows * target.yres
    if not same_crs(source.crs, target.crs):
        x, y = transform_points(target.crs, source.crs, x, y)
        turn = turn_of(source.crs, source.bounds)
        if turn is not None:
            x = in_turn_of(source, x, turn)
    return (x - source.xmin) / source.xres, (source.ymax - y) / source.yres


def _axis_scale(
    here: NDArray[np.float64], right: NDArray[np.float64], below: NDArray[np.float64]
) -> float:
    """Return the scale along one axis of the source, from positions there (pixels)."""
    with np.errstate(invalid="ignore"):
        steps = np.hypot(right - here, below - here)
    steps = steps[np.isfinite(steps)]
    if not len(steps):
        return 1.0
    # the median leaves out the few steps that jump across the antimeridian
    step = float(np.median(steps))
    # take the nearest whole factor of reduction if it is close, as GDAL does; never enlarge
    whole = max(1, math.floor(step + 0.5))
    return 1 / whole if step < 1 or abs(step - whole) < 0.05 else 1 / step
