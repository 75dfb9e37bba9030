"""What tests of files share."""

from __future__ import annotations

from pathlib import Path

import pytest
import rasterio

from tests.support.burnt import Reader, reading
from tests.support.inputs import texture
from tests.support.rasters import Array


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Burns a vector file whole."""
    return reading(tmp_path)


@pytest.fixture
def pixels() -> Array:
    """The pixels of the scene, with a hole of zeros."""
    from tests.support.held import GRID

    found = texture(GRID, 3)
    found[:, 20:25, 30:41] = 0
    return found


@pytest.fixture
def scene(tmp_path: Path, pixels: Array) -> Path:
    """A file of three named bands, whose nodata value is 0."""
    # few of the tests here need what that imports
    from tests.support.held import GRID, NAMES

    path = GRID.raster(tmp_path / "scene.tif", pixels, nodata=0)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = NAMES
    return path
