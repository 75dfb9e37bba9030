"""Burning geometries into an array: the same pixels for a window as for the whole grid."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.enums import MergeAlg
from rasterio.features import rasterize
from rasterio.transform import Affine

from rios_flows.geometry.grid import Bounds, PixelGrid

Geometries = NDArray[np.object_]

# rasterize() changes the process's warning filters for a moment, so only one thread may call it;
# that costs no time, since it holds Python's own lock anyway
_RASTERIO = threading.Lock()


def cut(geometry: Geometries, bounds: Bounds) -> Geometries:
    """Cut off what lies outside a rectangle; what lies within stays as it is, bit for bit."""
    edges = shapely.bounds(geometry)
    beyond = (edges[:, :2] < bounds[:2]).any(axis=1) | (edges[:, 2:] > bounds[2:]).any(axis=1)
    if not beyond.any():
        return geometry
    result = geometry.copy()
    # cut each part by itself: GEOS would take parts that lie over each other for holes
    parts, owner = _single_parts(geometry[beyond])
    pieces = _clipped(parts, bounds)
    several = np.full(np.count_nonzero(beyond), shapely.Point(), dtype=object)
    shapely.geometrycollections(pieces, indices=owner, out=several)
    alone = np.bincount(owner, minlength=len(several)) == 1
    several[alone] = pieces[alone[owner]]
    result[beyond] = several
    return result


def _single_parts(geometry: Geometries) -> tuple[Geometries, NDArray[np.intp]]:
    """Take geometries apart into points, lines and polygons; return which each belongs to."""
    owner = np.arange(len(geometry))
    # MULTIPOINT and what comes after it, which may be nested
    while (shapely.get_type_id(geometry) >= 4).any():
        geometry, index = shapely.get_parts(geometry, return_index=True)
        owner = owner[index]
    return geometry, owner


def _clipped(parts: Geometries, bounds: Bounds) -> Geometries:
    # the outline of an invalid polygon cannot be cut
    sound = shapely.make_valid(parts)
    try:
        pieces: Geometries = shapely.clip_by_rect(sound, *bounds)
    except shapely.errors.GEOSException:
        # clip_by_rect fails on slivers; intersection does not, but takes far longer
        pieces = shapely.intersection(sound, shapely.box(*bounds))
    return pieces


def to_pixels(geometry: Geometries, grid: PixelGrid) -> Geometries:
    """Express geometries in halves of a grid's pixels, from its corner, y counting upwards."""
    # GDAL's own arithmetic, so that a window gets the pixels that the whole grid would
    right, up = -grid.xmin / grid.xres, -grid.ymax / grid.yres

    def scale(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = points[:, 0], points[:, 1]
        return 2 * np.column_stack([right + x * (1 / grid.xres), up + y * (1 / grid.yres)])

    pixels: Geometries = shapely.transform(geometry, scale)
    return pixels


class Shapes(NamedTuple):
    """Geometries ready to burn: one row each in geometry, bounds and values."""

    geometry: Geometries
    # xmin, ymin, xmax, ymax (pixels, y upwards)
    bounds: NDArray[np.float64]
    values: NDArray[np.float64]
    # finds geometries where many windows are burnt
    tree: Any = None
    # how many more near the grid have a part without a place on it
    lost: int = 0

    @classmethod
    def of(cls, geometry: Geometries, values: NDArray[np.float64], lost: int = 0) -> Shapes:
        """Note the bounds of geometries, and leave out what is empty."""
        geometry, there = _not_empty(geometry)
        return cls(geometry, shapely.bounds(geometry) / 2, values[there], lost=lost)

    def indexed(self) -> Shapes:
        """Return the same with an index, for burning many windows."""
        return self._replace(tree=shapely.STRtree(self.geometry))

    def near(self, around: Bounds) -> Shapes:
        """Return those that may reach into a rectangle (pixels, y upwards), in the same order."""
        inside: NDArray[Any]
        if self.tree is None:
            inside = meeting(self.bounds, around)
        else:
            # it counts in halves of pixels, and keeps no order
            inside = np.sort(self.tree.query(shapely.box(*(2 * edge for edge in around))))
        return Shapes(self.geometry[inside], self.bounds[inside], self.values[inside])


#: No shapes.
NOTHING = Shapes(np.empty(0, object), np.empty((0, 4)), np.empty(0))


def meeting(edges: NDArray[np.float64], around: Bounds) -> NDArray[np.bool_]:
    """Return which of the rectangles, rows of (xmin, ymin, xmax, ymax), meet another one."""
    met = (edges[:, :2] <= around[2:]) & (edges[:, 2:] >= around[:2])
    return np.asarray(met.all(axis=1))


def burn(shapes: Shapes, out: NDArray[Any], corner: tuple[int, int], all_touched: bool) -> None:
    """Burn geometries into an array in place, the last on top; ``corner`` is its column and row."""
    left, top = corner
    rows, cols = out.shape
    # without all_touched, no pixel outside the bounds of a geometry is burnt
    beyond = 1 if all_touched else 1 / 8
    near = shapes.near(
        Bounds(left - beyond, -top - rows - beyond, left + cols + beyond, -top + beyond)
    )
    numbers = near.values.astype(out.dtype)
    if not all_touched:
        _rasterize(near.geometry, numbers, out, left, top, all_touched)
        return
    # GDAL 3.10 may follow a line across the edge of the array, out of its memory. So the array is
    # two pixels larger, and geometries are cut off one pixel outside.
    padded = np.pad(out, 2)
    inner = Bounds(2 * left - 2, -2 * (top + rows + 1), 2 * (left + cols + 1), 2 - 2 * top)
    parts, there = _not_empty(cut(near.geometry, inner))
    _rasterize(parts, numbers[there], padded, left - 2, top - 2, all_touched)
    out[:] = padded[2:-2, 2:-2]


def is_covered_twice(shapes: Shapes, shape: tuple[int, int], corner: tuple[int, int]) -> bool:
    """Return whether any pixel of an array lies in more than one geometry."""
    left, top = corner
    times = np.zeros(shape, np.int32)
    ones = np.ones(len(shapes.geometry), np.int32)
    _rasterize(shapes.geometry, ones, times, left, top, False, MergeAlg.add)
    return bool(times.max(initial=0) > 1)


def _not_empty(geometry: Geometries) -> tuple[Geometries, NDArray[np.bool_]]:
    """Leave out empty geometries and parts; return the others, and which geometries stay."""
    # for one empty part, rasterio would drop a whole geometry
    there = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    geometry = geometry[there]
    kinds = shapely.get_type_id(geometry)
    # MULTIPOINT, MULTILINESTRING, GEOMETRYCOLLECTION
    several = np.flatnonzero(np.isin(kinds, (4, 5, 7)))
    parts, owner = shapely.get_parts(geometry[several], return_index=True)
    # a part of a part may be empty too
    doubtful = shapely.is_empty(parts) | (shapely.get_type_id(parts) >= 4)
    for number in several[np.unique(owner[doubtful])]:
        geometry[number] = _rebuilt(geometry[number])
    return geometry, there


def _rebuilt(whole: Any) -> Any:
    parts = [part for part in getattr(whole, "geoms", ()) if not part.is_empty]
    return type(whole)([_rebuilt(part) for part in parts]) if parts else whole


def _rasterize(
    geometry: Geometries,
    numbers: NDArray[Any],
    out: NDArray[Any],
    left: int,
    top: int,
    all_touched: bool,
    merge: MergeAlg = MergeAlg.replace,
) -> None:
    if len(geometry):
        with _RASTERIO:
            rasterize(
                zip(geometry, numbers.tolist(), strict=True),
                out=out,
                # in halves, because rasterio warns of a transform of ones
                transform=Affine(2, 0, 2 * left, 0, -2, -2 * top),
                all_touched=all_touched,
                merge_alg=merge,
            )
