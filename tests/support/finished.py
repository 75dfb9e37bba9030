"""Finished raster files, by their names, and the tags of their bands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from tests.support.rasters import CRS, ORIGIN, RES

Array = NDArray[Any]


def write(path: Path, raster: Array, nodata: float | None = None) -> Path:
    driver = "GTiff" if path.suffix == ".tif" else "HFA"
    bands, rows, cols = raster.shape
    profile = {"width": cols, "height": rows, "count": bands, "crs": CRS, "nodata": nodata}
    transform = from_origin(*ORIGIN, RES, RES)
    with rasterio.open(
        path, "w", driver=driver, dtype=raster.dtype.name, transform=transform, **profile
    ) as dataset:
        dataset.write(raster)
    return path


def tags_of(path: Path, band: int = 1) -> dict[str, str]:
    with rasterio.open(path) as dataset:
        return dict(dataset.tags(band))
