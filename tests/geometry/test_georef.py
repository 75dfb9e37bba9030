"""The grid of a file, and what is said where its georeferencing cannot be worked with."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.transform import Affine

from rios_flows.geometry.georef import grid_of_dataset
from rios_flows.geometry.grid import PixelGrid
from rios_flows.rioserrors import FileOpenError


def written(path: Path, transform: Affine, **more: Any) -> Path:
    with (
        warnings.catch_warnings(action="ignore"),
        rasterio.open(
            path, "w", driver="GTiff", width=40, height=20, count=1, dtype="uint8",
            transform=transform, **more,
        ) as file,
    ):  # fmt: skip
        file.write(np.ones((1, 20, 40), "uint8"))
    return path


def grid_of(path: Path) -> PixelGrid:
    with warnings.catch_warnings(action="ignore"), rasterio.open(path) as dataset:
        return grid_of_dataset(dataset, "'a.tif' (input 'a')")


def test_a_grid_is_that_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", Affine(30, 0, 500, 0, -20, 900), crs="EPSG:32755")
    grid = grid_of(path)
    assert (grid.xmin, grid.ymax, grid.xres, grid.yres) == (500, 900, 30, 20)
    assert (grid.ncols, grid.nrows) == (40, 20)
    assert CRS.from_wkt(grid.crs).to_epsg() == 32755
    assert grid_of(written(tmp_path / "b.tif", Affine(30, 0, 500, 0, -20, 900))).crs == ""


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (Affine.identity(), "has no georeferencing; say where it lies first"),
        (Affine(30, 5, 500, 5, -30, 900), "is rotated (transform (30.0, 5.0, 500.0, 5.0, -30.0"),
        (Affine(30, 0, 500, 0, 30, 900), "is not north-up: its rows or columns run backwards"),
        (Affine(-30, 0, 500, 0, -30, 900), "is not north-up"),
        # a hundredth of a pixel from the first row to the last
        (Affine(30, 30 * 0.01 / 20, 500, 0, -30, 900), "is rotated"),
    ],
)
def test_what_is_refused(tmp_path: Path, transform: Affine, words: str) -> None:
    path = written(tmp_path / "a.tif", transform)
    with pytest.raises(FileOpenError) as caught:
        grid_of(path)
    assert str(caught.value).startswith("'a.tif' (input 'a') ")
    assert words in str(caught.value)
    assert "`gdal" in str(caught.value)


def test_a_turn_that_rounding_made_counts_for_nothing(tmp_path: Path) -> None:
    shear = 30 * 0.0009 / 20
    grid = grid_of(written(tmp_path / "a.tif", Affine(30, shear, 500, 0, -30, 900)))
    assert (grid.xmin, grid.xres, grid.yres) == (500, 30, 30)


def test_a_file_placed_by_points(tmp_path: Path) -> None:
    points = [
        GroundControlPoint(row, col, 5 + col, 9 - row) for row, col in ((0, 0), (9, 0), (0, 9))
    ]
    path = tmp_path / "a.tif"
    written(path, Affine.identity())
    with warnings.catch_warnings(action="ignore"), rasterio.open(path, "r+") as dataset:
        dataset.gcps = (points, CRS.from_epsg(32755))
    with pytest.raises(FileOpenError, match="is placed by ground control points"):
        grid_of(path)


class Degenerate:
    """A raster whose pixels have no width, as rasterio would tell it."""

    transform = Affine(0, 0, 500, 0, -30, 900)
    width, height, gcps, rpcs, crs = 40, 20, ((), None), None, None


def test_pixels_without_a_width() -> None:
    dataset: Any = Degenerate()
    with pytest.raises(
        FileOpenError, match=r"has no usable georeferencing \(transform \(0.0, 0.0,"
    ):
        grid_of_dataset(dataset, "'a.tif'")
