"""Reading pixels by rasterio's shortest way, which is none of its public ones."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

import rios_flows
from rios_flows.gdal.private import read_pixels
from tests.support.rasters import coordinates, write_raster

DTYPES = ["uint8", "int8", "int16", "uint32", "int64", "float32", "float64", "complex64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_window_and_bands_that_are_asked_for(tmp_path: Path, dtype: str) -> None:
    pixels = coordinates(3, 9, 7, dtype)
    path = write_raster(tmp_path / "image.tif", pixels)
    found = np.empty((2, 4, 5), dtype)
    with rasterio.open(path) as dataset:
        read_pixels(dataset, (3, 1), Window(1, 2, 5, 4), found)
    np.testing.assert_array_equal(found, pixels[[2, 0], 2:6, 1:6])


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "image.tif", coordinates(1, 90, 70, "uint16"))
    path.write_bytes(path.read_bytes()[:5000])
    with rasterio.open(path) as dataset, pytest.raises(RasterioIOError):
        read_pixels(dataset, (1,), Window(0, 0, 70, 90), np.empty((1, 90, 70), "uint16"))


def test_no_other_module_uses_private_parts_of_rasterio() -> None:
    package = Path(rios_flows.__file__).parent
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any(_is_private(node) for node in ast.walk(ast.parse(path.read_text())))
    }
    assert users == {"gdal/private.py"}


def _is_private(node: ast.AST) -> bool:
    """Tell whether code names a module of rasterio, or a method of a dataset, that is private."""
    if isinstance(node, ast.Import):
        return any(alias.name.startswith("rasterio._") for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        return any(name.startswith("rasterio.") and "._" in name for name in names)
    if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
        owner = ast.unparse(node.value)
        return owner.partition(".")[0] == "rasterio" or owner in ("dataset", "file", "ds", "vrt")
    return False
