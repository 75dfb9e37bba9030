"""Features to burn, and burning them by rasterio or as a run does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import rasterize as burn_by_rasterio

from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.controls.options import VectorOptions
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs import rasterize
from rios_flows.inputs.rasterize import VectorReader
from rios_flows.inputs.vectorplan import VectorPlan, plan_vector
from rios_flows.inputs.vectors import VectorSource, open_vector

Array = NDArray[Any]


Reader = Callable[..., Array]


UTM = CRS.from_epsg(32755).to_wkt()


GRID = PixelGrid(300000, 6000000, 30, 30, 200, 150, UTM)


KEY = ("zones", None)


def place(*points: tuple[float, float]) -> Array:
    """Points of GRID, given as column and row."""
    columns, rows = np.array(points, dtype=float).T
    corner = np.array([GRID.xmin, GRID.ymax])
    found: Array = corner + np.column_stack([columns * GRID.xres, -rows * GRID.yres])
    return found


def polygon(*points: tuple[float, float]) -> shapely.Polygon:
    return shapely.Polygon(place(*points))


def random_polygons(number: int, seed: int = 1, largest: float = 60) -> list[shapely.Polygon]:
    """Convex polygons all over GRID and beyond, many over one another."""
    rng = np.random.default_rng(seed)
    shapes = []
    for _ in range(number):
        middle = rng.uniform([-20, -20], [220, 170])
        points = middle + rng.uniform(-1, 1, (8, 2)) * rng.uniform(1, largest)
        shapes.append(shapely.convex_hull(shapely.MultiPoint(place(*map(tuple, points)))))
    return shapes


def by_rasterio(
    shapes: list[Any], values: Any, dtype: str = "uint8", null: float = 0, grid: PixelGrid = GRID
) -> Array:
    """What GDAL burns in one go."""
    out = np.full((grid.nrows, grid.ncols), null, dtype)
    burn_by_rasterio(zip(shapes, values, strict=True), out=out, transform=grid.transform)
    return out


def reading(folder: Path) -> Reader:
    """Return what burns a file whole, as a run does."""
    reader = VectorReader(TempfileManager(str(folder)))

    def read(path: str, grid: PixelGrid = GRID, **options: Any) -> Array:
        plan = plan_vector(open_vector(KEY, path, VectorOptions(**options)), grid, (256, 256), 0)
        (band,) = reader.read(plan, 0, 0, grid.ncols, grid.nrows)
        return np.asarray(band)

    return read


def in_windows(
    reader: VectorReader, plan: VectorPlan, size: tuple[int, int], overlap: int
) -> Array:
    """Put the grid together from windows with margins, read by three threads."""
    out = np.zeros((plan.grid.nrows, plan.grid.ncols), plan.source.options.dtype)

    def one(corner: tuple[int, int]) -> None:
        left, top = corner
        cols, rows = min(size[0], plan.grid.ncols - left), min(size[1], plan.grid.nrows - top)
        window = reader.read(
            plan, left - overlap, top - overlap, cols + 2 * overlap, rows + 2 * overlap
        )[0]
        inner = window[overlap : overlap + rows, overlap : overlap + cols]
        out[top : top + rows, left : left + cols] = inner

    corners = [
        (left, top)
        for top in range(0, plan.grid.nrows, size[1])
        for left in range(0, plan.grid.ncols, size[0])
    ]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(one, corners))
    return out


def source_of(path: str, **options: Any) -> VectorSource:
    return open_vector(KEY, path, VectorOptions(**options))


WAYS = ["kept", "by window", "whole"]


def choose(way: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a reader go one way; return the ending of a file with which it does."""
    if way != "kept":
        monkeypatch.setattr(rasterize, "KEPT_FEATURES", 0)
    return {"kept": "gpkg", "by window": "gpkg", "whole": "geojson"}[way]
