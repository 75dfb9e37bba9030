"""Synthetic rasters whose pixels tell where they lie, and reading back what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

Array = NDArray[Any]

#: UTM zone 55 south, 30 m: an ordinary grid of this field.
CRS = "EPSG:32755"
RES = 30.0
ORIGIN = (300000.0, 6000000.0)


def coordinates(
    bands: int, rows: int, cols: int, dtype: str, *, first_row: int = 0, first_col: int = 0
) -> Array:
    """Return pixels that encode band, row and column, shape ``(bands, rows, cols)``.

    A type too narrow for that gets the same pattern modulo its range.
    """
    row = np.arange(first_row, first_row + rows, dtype=np.int64)[:, None]
    col = np.arange(first_col, first_col + cols, dtype=np.int64)[None, :]
    band = np.arange(bands, dtype=np.int64)[:, None, None]
    value = 1 + band * 7 + row * 1009 + col
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        value = value % (min(int(limits.max), 2**31) - 1) + 1
    return value.astype(kind)


def write_raster(
    path: Path,
    pixels: Array,
    *,
    offset: tuple[int, int] = (0, 0),
    nodata: float | None = None,
    res: float = RES,
    crs: str | None = CRS,
    driver: str = "GTiff",
    **profile: Any,
) -> Path:
    """Write ``pixels`` (bands, rows, cols), their corner ``offset`` (col, row) from ORIGIN."""
    bands, rows, cols = pixels.shape
    transform = from_origin(ORIGIN[0] + offset[0] * res, ORIGIN[1] - offset[1] * res, res, res)
    with rasterio.open(
        path,
        "w",
        driver=driver,
        width=cols,
        height=rows,
        count=bands,
        dtype=pixels.dtype,
        nodata=nodata,
        crs=crs,
        transform=transform,
        **profile,
    ) as dataset:
        dataset.write(pixels)
    return path


def read_raster(path: Path) -> Array:
    """Return all pixels, shape ``(bands, rows, cols)``."""
    with rasterio.open(path) as dataset:
        pixels: Array = dataset.read()
        return pixels
