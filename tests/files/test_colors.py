"""Colour tables of files: written, read, and refused where there is none or no room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.files.colors import ColorTableMissingException, getTable, setTable
from tests.support.rasters import coordinates, write_raster


def written(folder: Path, dtype: str = "uint8", **more: str) -> Path:
    return write_raster(folder / "a.tif", coordinates(1, 16, 16, dtype))


def test_a_table_comes_back(tmp_path: Path) -> None:
    table = np.arange(4 * 256).reshape(4, 256).astype("uint8")
    table[3] = 255
    path = written(tmp_path)
    setTable(path, table)
    np.testing.assert_array_equal(getTable(path), table)
    with rasterio.open(path) as dataset:
        assert dataset.colormap(1)[3] == (3, 3, 3, 255)


def test_a_band_without_one_and_a_band_that_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path)
    with pytest.raises(ColorTableMissingException, match=r"^Band 1 of '.*a.tif' has no colour"):
        getTable(path)
    with pytest.raises(rioserrors.GDALLayerNumberError, match="has no band 2"):
        getTable(path, 2)
