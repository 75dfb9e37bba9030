"""Finished files that are opened again, to add what could not be written before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import rasterio

from rios_flows.gdal.closing import close_written

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter


def reopened(path: str, **options: Any) -> DatasetWriter:
    """Open a raster for changes, with GDAL's open options; raise OSError if that fails."""
    try:
        return rasterio.open(path, "r+", **options)
    except TypeError as error:
        # rasterio's words if GDAL does not recognise or cannot open the file
        name = os.path.basename(path)
        raise OSError(f"'{name}' cannot be opened for changes by that name: {error}") from error


@contextmanager
def updating(path: str, **options: Any) -> Iterator[DatasetWriter]:
    """Open a raster for changes, and close it; raise OSError if GDAL could not write all."""
    dataset = reopened(path, **options)
    try:
        yield dataset
    except BaseException:
        dataset.close()
        raise
    close_written(dataset)
