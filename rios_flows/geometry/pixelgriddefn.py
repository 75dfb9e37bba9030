"""Pixel grids under RIOS's names: the definition of a grid, and what several have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError

from rios_flows import rioserrors
from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE, FOOTPRINTS, INTERSECTION
from rios_flows.basics.errortext import why_not_opened
from rios_flows.geometry import regions
from rios_flows.geometry.crs import same_crs, transform_points
from rios_flows.geometry.footprints import EDGE_POINTS, lon_lat_bounds, outline, surrounds_lon_lat
from rios_flows.geometry.georef import grid_of_dataset
from rios_flows.geometry.grid import PixelGrid

__all__ = [
    "PixelGridDefn",
    "findCommonRegion",
    "pixelGridFromFile",
    "removeSurrounding",
]


class PixelGridDefn:
    """A north-up grid of pixels: give a geotransform and a size, or edges and a pixel size.

    Parameters
    ----------
    geotransform : sequence of float, optional
        GDAL's six numbers; needs ``nrows`` and ``ncols``. Rotation is not kept.
    nrows, ncols : int, optional
        Size (pixels).
    projection : str, optional
        Well-known text, or anything else that rasterio accepts as a CRS.
    xMin, xMax, yMin, yMax : float, optional
        Outer edges (CRS units).
    xRes, yRes : float, optional
        Pixel size (CRS units), kept as positive numbers.

    Attributes
    ----------
    xMin, xMax, yMin, yMax, xRes, yRes, projection
        As above; ``projection`` is always well-known text, "" without a CRS.

    Raises
    ------
    ParameterError
        If a number is missing or not finite, the grid is empty, or the projection is unknown.
    """

    def __init__(
        self,
        geotransform: Sequence[float] | None = None,
        nrows: int | None = None,
        ncols: int | None = None,
        projection: str | None = None,
        xMin: float | None = None,
        xMax: float | None = None,
        yMin: float | None = None,
        yMax: float | None = None,
        xRes: float | None = None,
        yRes: float | None = None,
    ) -> None:
        if geotransform is not None:
            numbers = _edges_of(geotransform, nrows, ncols)
        else:
            numbers = _all_given(xMin=xMin, xMax=xMax, yMin=yMin, yMax=yMax, xRes=xRes, yRes=yRes)
        self.xMin, self.xMax, self.yMin, self.yMax = numbers[:4]
        self.xRes, self.yRes = abs(numbers[4]), abs(numbers[5])
        self.projection = _as_wkt(projection)
        if self.xMax <= self.xMin or self.yMax <= self.yMin or not self.xRes or not self.yRes:
            raise rioserrors.ParameterError(f"PixelGridDefn: there is no pixel in {self}")

    @classmethod
    def from_grid(cls, grid: PixelGrid) -> PixelGridDefn:
        """Write a plain grid under RIOS's names."""
        return cls(
            geotransform=grid.gdal_transform,
            nrows=grid.nrows,
            ncols=grid.ncols,
            projection=grid.crs,
        )

    @property
    def grid(self) -> PixelGrid:
        """The plain value."""
        nrows, ncols = self.getDimensions()
        return PixelGrid(self.xMin, self.yMax, self.xRes, self.yRes, ncols, nrows, self.projection)

    def __str__(self) -> str:
        names = ("xMin", "xMax", "yMin", "yMax", "xRes", "yRes")
        return ",".join(f"{name}:{getattr(self, name)}" for name in names)

    def __repr__(self) -> str:
        return f"PixelGridDefn({self})"

    def getDimensions(self) -> tuple[int, int]:
        """Return the size as (rows, columns) (pixels)."""
        return (
            self.getNumPix(self.yMax, self.yMin, self.yRes),
            self.getNumPix(self.xMax, self.xMin, self.xRes),
        )

    def makeGeoTransform(self) -> tuple[float, float, float, float, float, float]:
        """Return GDAL's six numbers."""
        return (self.xMin, self.xRes, 0.0, self.yMax, 0.0, -self.yRes)

    def equalPixSize(self, other: PixelGridDefn) -> bool:
        """Return whether pixels have exactly the same size."""
        return (self.xRes, self.yRes) == (other.xRes, other.yRes)

    def equalProjection(self, other: PixelGridDefn) -> bool:
        """Return whether the CRS is the same, whatever its spelling."""
        return same_crs(self.projection, other.projection)

    def equivalentProjection(self, sr: str | CRS, pixtol: float) -> bool:
        """Return whether this grid is in the same place in another CRS.

        Parameters
        ----------
        sr : str or CRS
            The other CRS.
        pixtol : float
            How far points on the edges may differ (pixels).
        """
        wkt = _as_wkt(sr if isinstance(sr, str) else sr.to_wkt())
        if not wkt or not self.projection:
            return wkt == self.projection
        x, y = outline(self.grid)
        other_x, other_y = transform_points(self.projection, wkt, x, y)
        apart = max(np.abs(other_x - x).max() / self.xRes, np.abs(other_y - y).max() / self.yRes)
        return bool(apart <= pixtol)

    def alignedWith(self, other: PixelGridDefn) -> bool:
        """Return whether pixels are on those of the other, within a thousandth in total."""
        return regions.in_step(self.grid, other.grid)

    def isComparable(self, other: PixelGridDefn) -> bool:
        """Return whether pixel size, CRS and alignment are the same."""
        return not regions.mismatch(self.grid, other.grid)

    def intersection(self, other: PixelGridDefn) -> PixelGridDefn | None:
        """Return the area that both share, or None if they are not comparable.

        Raises
        ------
        IntersectionError
            If they share no pixel.
        """
        if not self.isComparable(other):
            return None
        return self.from_grid(regions.intersect([self.grid, other.grid], self.grid))

    def union(self, other: PixelGridDefn) -> PixelGridDefn | None:
        """Return the smallest grid that contains both, or None if they are not comparable."""
        if not self.isComparable(other):
            return None
        return self.from_grid(regions.union([self.grid, other.grid], self.grid))

    def surrounds(self, other: PixelGridDefn) -> bool:
        """Return whether this grid's longitudes and latitudes contain those of the other."""
        return surrounds_lon_lat(lon_lat_bounds(self.grid), lon_lat_bounds(other.grid))

    def reproject(self, targetGrid: PixelGridDefn, snap: bool = True) -> PixelGridDefn:
        """Return this grid's extent in the CRS and pixel size of another.

        Parameters
        ----------
        targetGrid : PixelGridDefn
            Gives CRS, pixel size and alignment.
        snap : bool
            Move the edges to the nearest lines of the other grid.
        """
        target = targetGrid.grid
        if snap:
            return self.from_grid(regions.snap(self.grid, target))
        bounds = regions.bounds_in(self.grid, target)
        return PixelGridDefn(
            projection=target.crs,
            xMin=bounds.xmin,
            xMax=bounds.xmax,
            yMin=bounds.ymin,
            yMax=bounds.ymax,
            xRes=target.xres,
            yRes=target.yres,
        )

    @staticmethod
    def densifyInterval(
        start: float, end: float, numPoints: int = EDGE_POINTS
    ) -> NDArray[np.float64]:
        """Return points at equal distances from ``start`` to ``end``, both included."""
        return np.linspace(start, end, numPoints)

    @staticmethod
    def roundAway(x: float) -> int:
        """Round to the nearest whole number, halves away from zero."""
        return regions.round_away(x)

    @staticmethod
    def getNumPix(gridMax: float, gridMin: float, gridRes: float) -> int:
        """Return how many pixels fit between two edges, to the nearest."""
        return regions.round_away((gridMax - gridMin) / gridRes)

    @staticmethod
    def snapToGrid(val: float, valOnGrid: float, res: float) -> float:
        """Return the line nearest to ``val``, of lines ``res`` apart, one at ``valOnGrid``."""
        return valOnGrid + regions.round_away((val - valOnGrid) / res) * res


def findCommonRegion(
    gridList: Sequence[PixelGridDefn], refGrid: PixelGridDefn, combine: int = INTERSECTION
) -> PixelGridDefn:
    """Return the grid that a job over several grids works on.

    Parameters
    ----------
    gridList : sequence of PixelGridDefn
        Grids of the inputs.
    refGrid : PixelGridDefn
        Gives CRS, pixel size and alignment; its extent counts only for BOUNDS_FROM_REFERENCE.
    combine : int
        INTERSECTION, UNION or BOUNDS_FROM_REFERENCE.

    Raises
    ------
    IntersectionError
        If the inputs share no pixel.
    ParameterError
        If there is no grid, or no such way to combine.
    """
    if combine not in FOOTPRINTS:
        raise rioserrors.ParameterError(
            f"Unknown footprint type {combine!r}: use INTERSECTION, UNION or BOUNDS_FROM_REFERENCE"
        )
    if combine == BOUNDS_FROM_REFERENCE:
        return refGrid
    if not gridList:
        raise rioserrors.ParameterError("findCommonRegion needs at least one grid")
    fold = regions.intersect if combine == INTERSECTION else regions.union
    return PixelGridDefn.from_grid(fold([item.grid for item in gridList], refGrid.grid))


def removeSurrounding(gridList: Sequence[PixelGridDefn]) -> list[PixelGridDefn]:
    """Leave out, one after the other, grids that surround all others; at least one is kept."""
    kept = regions.surrounded([item.grid for item in gridList])
    return [gridList[index] for index in kept]


def pixelGridFromFile(filename: str) -> PixelGridDefn:
    """Return the grid of a raster file.

    Raises
    ------
    FileOpenError
        If it cannot be opened, is rotated, or has no georeferencing.
    """
    try:
        with rasterio.open(filename) as dataset:
            return PixelGridDefn.from_grid(grid_of_dataset(dataset, f"'{filename}'"))
    except RasterioError as error:
        why = why_not_opened(filename, error)
        raise rioserrors.FileOpenError(f"Unable to open '{filename}': {why}") from error


def _edges_of(
    geotransform: Sequence[float], nrows: int | None, ncols: int | None
) -> tuple[float, ...]:
    if nrows is None or ncols is None:
        raise rioserrors.ParameterError("PixelGridDefn: a geotransform needs nrows and ncols too")
    numbers = tuple(float(number) for number in geotransform)
    if len(numbers) != 6 or not all(math.isfinite(number) for number in numbers):
        raise rioserrors.ParameterError(
            f"PixelGridDefn: geotransform={tuple(geotransform)!r} is not six finite numbers"
        )
    xmin, xres, xskew, ymax, yskew, yres = numbers
    if xskew or yskew or xres <= 0 or yres >= 0:
        raise rioserrors.ParameterError(
            f"PixelGridDefn: geotransform={numbers} is rotated or turned over; give a grid whose "
            "first row is the northernmost and whose columns go east"
        )
    yres = -yres
    return xmin, xmin + ncols * xres, ymax - nrows * yres, ymax, xres, yres


def _all_given(**numbers: float | None) -> tuple[float, ...]:
    missing = [name for name, number in numbers.items() if number is None]
    if missing:
        raise rioserrors.ParameterError(
            f"PixelGridDefn: {', '.join(missing)} not given; give a geotransform with nrows and "
            "ncols, or all of xMin, xMax, yMin, yMax, xRes, yRes"
        )
    values = tuple(float(number) for number in numbers.values() if number is not None)
    if not all(math.isfinite(value) for value in values):
        raise rioserrors.ParameterError(f"PixelGridDefn: not all numbers are finite: {numbers}")
    return values


def _as_wkt(projection: str | None) -> str:
    if not projection:
        return ""
    try:
        return str(CRS.from_user_input(projection).to_wkt())
    except CRSError as error:
        raise rioserrors.ParameterError(f"PixelGridDefn: unknown CRS {projection!r}") from error
