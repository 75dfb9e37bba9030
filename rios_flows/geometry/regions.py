"""How grids relate: whether they are aligned, what they share, what contains them all.

Regions are computed in whole pixels of a reference grid, so a result is always aligned with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from rasterio.windows import Window

from rios_flows import rioserrors
from rios_flows.geometry.crs import crs_difference, crs_name, same_crs
from rios_flows.geometry.footprints import lon_lat_bounds, naming, project_bounds, surrounds_lon_lat
from rios_flows.geometry.grid import Bounds, PixelGrid

#: How far aligned grids may be out of step: this part of a pixel, divided by the number of pixels
#: along the longest side.
ALIGNMENT_TOLERANCE = 0.001


class Box(NamedTuple):
    """A rectangle in pixels of a reference grid; ``right`` and ``bottom`` are one past the last."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def is_empty(self) -> bool:
        """Whether there is no pixel in it."""
        return self.left >= self.right or self.top >= self.bottom

    @property
    def window(self) -> Window:
        """The same for rasterio."""
        return Window(self.left, self.top, self.right - self.left, self.bottom - self.top)

    def within(self, ncols: int, nrows: int) -> Box:
        """Return the part in a grid of this size; empty if there is none."""
        return Box(
            max(self.left, 0), max(self.top, 0), min(self.right, ncols), min(self.bottom, nrows)
        )


def mismatch(a: PixelGrid, b: PixelGrid) -> str:
    """Say how two grids differ, extents aside; empty if they share their pixels."""
    if not same_crs(a.crs, b.crs):
        details = crs_difference(a.crs, b.crs)
        return f"CRS ({crs_name(a.crs)} and {crs_name(b.crs)}{details and f'; {details}'})"
    if (a.xres, a.yres) != (b.xres, b.yres):
        return f"pixel size ({a.xres!r} x {a.yres!r} and {b.xres!r} x {b.yres!r})"
    if not in_step(a, b):
        right, down = _out_of_step(a, b)
        return (
            f"alignment (corners at {a.xmin!r}, {a.ymax!r} and {b.xmin!r}, {b.ymax!r}: "
            f"{right / a.xres:.4g} pixel out of step in x, {down / a.yres:.4g} in y)"
        )
    return ""


def in_step(a: PixelGrid, b: PixelGrid) -> bool:
    """Return whether the corners of two grids with equal pixels are whole pixels apart."""
    longest = max(a.ncols, a.nrows, b.ncols, b.nrows)
    # at least the rounding of the corners themselves
    rounding = 4 * math.ulp(max(abs(corner) for corner in (a.xmin, a.ymax, b.xmin, b.ymax)))
    tolerance = max(ALIGNMENT_TOLERANCE * min(a.xres, a.yres) / longest, rounding)
    return max(_out_of_step(a, b)) <= tolerance


def _out_of_step(a: PixelGrid, b: PixelGrid) -> tuple[float, float]:
    right, down = a.xmin - b.xmin, b.ymax - a.ymax
    return (
        abs(right - round_away(right / b.xres) * b.xres),
        abs(down - round_away(down / b.yres) * b.yres),
    )


def offset(of: PixelGrid, inside: PixelGrid) -> tuple[int, int]:
    """Return the column and row in ``inside`` of the first pixel of ``of``."""
    return (
        round_away((of.xmin - inside.xmin) / inside.xres),
        round_away((inside.ymax - of.ymax) / inside.yres),
    )


def round_away(value: float) -> int:
    """Round to the nearest whole number, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def box_of(grid: PixelGrid, reference: PixelGrid) -> Box:
    """Return the region of a grid in pixels of ``reference``: the nearest, if not aligned."""
    if not mismatch(grid, reference):
        left, top = offset(grid, reference)
        return Box(left, top, left + grid.ncols, top + grid.nrows)
    bounds = bounds_in(grid, reference)
    return Box(
        round_away((bounds.xmin - reference.xmin) / reference.xres),
        round_away((reference.ymax - bounds.ymax) / reference.yres),
        round_away((bounds.xmax - reference.xmin) / reference.xres),
        round_away((reference.ymax - bounds.ymin) / reference.yres),
    )


def bounds_in(grid: PixelGrid, reference: PixelGrid) -> Bounds:
    """Return a grid's bounds in the CRS of ``reference``."""
    if same_crs(grid.crs, reference.crs):
        return grid.bounds
    return project_bounds(grid, reference.crs, near=(reference.xmin + reference.xmax) / 2)


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


def widened(grid: PixelGrid, margin: int) -> PixelGrid:
    """Return a grid with a margin on every side (pixels)."""
    return grid_of(Box(-margin, -margin, grid.ncols + margin, grid.nrows + margin), grid)


def snap(grid: PixelGrid, reference: PixelGrid) -> PixelGrid:
    """Return a grid's extent in the CRS and pixels of ``reference``; unchanged where aligned."""
    return union([grid], reference)


def intersect(
    grids: Sequence[PixelGrid], reference: PixelGrid, names: Sequence[str] = ()
) -> PixelGrid:
    """Return the area that all grids share, in the pixels of ``reference``, or raise."""
    names = names or [""] * len(grids)
    kept = list(range(len(grids)))
    if not all(same_crs(grid.crs, reference.crs) for grid in grids):
        # another planet has no such longitudes: then nothing is left out
        with suppress(rioserrors.GdalWarpError):
            kept = surrounded(grids, names)
    grids, names = [grids[index] for index in kept], [names[index] for index in kept]
    return _combined(grids, reference, names, max, min)


def union(grids: Sequence[PixelGrid], reference: PixelGrid, names: Sequence[str] = ()) -> PixelGrid:
    """Return the smallest grid that contains all, in the pixels of ``reference``."""
    return _combined(grids, reference, names or [""] * len(grids), min, max)


def _combined(
    grids: Sequence[PixelGrid],
    reference: PixelGrid,
    names: Sequence[str],
    first: Callable[[Iterable[int]], int],
    last: Callable[[Iterable[int]], int],
) -> PixelGrid:
    """Return the grid whose first and last rows and columns are chosen from those of grids."""
    boxes = []
    for grid, name in zip(grids, names, strict=True):
        with naming(name):
            boxes.append(box_of(grid, reference))
    left, top, right, bottom = zip(*boxes, strict=True)
    box = Box(first(left), first(top), last(right), last(bottom))
    if box.is_empty:
        raise rioserrors.IntersectionError(_why_empty(boxes, grids, names, reference))
    return grid_of(box, reference)


def _why_empty(
    boxes: Sequence[Box], grids: Sequence[PixelGrid], names: Sequence[str], reference: PixelGrid
) -> str:
    """Name two that do not overlap; if each two overlap, all rectangles share an area."""
    size = f"pixel of {reference.xres:g} x {reference.yres:g}"
    for index, box in enumerate(boxes):
        if box.is_empty:
            text = _extent(grids[index], names[index])
            return f"Images don't intersect: {text} is smaller than half a {size}"
    numbers = range(len(boxes))
    pair = max(numbers, key=lambda n: boxes[n].left), min(numbers, key=lambda n: boxes[n].right)
    if boxes[pair[0]].left < boxes[pair[1]].right:
        pair = max(numbers, key=lambda n: boxes[n].top), min(numbers, key=lambda n: boxes[n].bottom)
    one, other = (_extent(grids[index], names[index]) for index in sorted(pair))
    return (
        f"Images don't intersect: {one} and {other} share no {size}; check the files, or set the "
        "footprint type to UNION"
    )


def _extent(grid: PixelGrid, name: str) -> str:
    xmin, ymin, xmax, ymax = grid.bounds
    text = f"x {xmin:.10g} to {xmax:.10g}, y {ymin:.10g} to {ymax:.10g} in {crs_name(grid.crs)}"
    return f"{name} ({text})" if name else text


def surrounded(grids: Sequence[PixelGrid], names: Sequence[str] = ()) -> list[int]:
    """Return which grids stay when those that surround all others are left out, one by one."""
    # longitudes and latitudes: a global raster often has no outline in a local CRS
    kept = list(range(len(grids)))
    boxes = []
    for grid, name in zip(grids, names or [""] * len(grids), strict=True):
        with naming(name):
            boxes.append(lon_lat_bounds(grid))
    while len(kept) > 1:
        outer = [
            index
            for index in kept
            if all(
                surrounds_lon_lat(boxes[index], boxes[other]) for other in kept if other != index
            )
        ]
        if not outer:
            break
        kept.remove(outer[0])
    return kept
