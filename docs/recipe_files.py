"""The small files that the recipes of the documentation read, made of the examples' scenes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyogrio.raw
import rasterio
import shapely

DATA = Path(__file__).parents[1] / "examples" / "data"
CROPS = ("maize", "soy", "pasture")


def make(folder: Path) -> None:
    """Write two scenes, three dates with clouds, and a layer of fields."""
    shutil.copy(DATA / "landsat8_224077_green.tif", folder / "north.tif")
    shutil.copy(DATA / "landsat8_224078_green.tif", folder / "south.tif")
    with rasterio.open(folder / "north.tif") as scene:
        pixels, profile, bounds = scene.read(1), scene.profile, scene.bounds
    rows, cols = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    for number, name in enumerate(("may", "june", "july")):
        clouds = np.sin(rows / 40 + 2 * number) * np.sin(cols / 55 + number) > 0.55
        with rasterio.open(folder / f"{name}.tif", "w", **profile) as dataset:
            dataset.write(np.where(clouds, 0, pixels + 100 * number), 1)
    _write_fields(folder / "fields.gpkg", shapely.box(*bounds), str(profile["crs"]))


def _write_fields(path: Path, area: shapely.Geometry, crs: str) -> None:
    random = np.random.default_rng(3)
    low, high = np.array(area.bounds[:2]), np.array(area.bounds[2:])
    points = shapely.MultiPoint(low + random.random((40, 2)) * (high - low))
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=area))
    # paths lie between fields
    fields = shapely.intersection(shapely.buffer(cells, -60), area)
    pyogrio.raw.write(
        path,
        shapely.to_wkb(fields),
        [random.choice(CROPS, len(fields)).astype(object)],
        ["crop"],
        geometry_type="Unknown",
        crs=crs,
    )
