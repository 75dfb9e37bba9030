"""The area of a run: bounds and files, outwards to whole pixels of the working grid."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from rasterio.warp import transform_bounds

import rios_flows as rf
from rios_flows import engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.jobs.area import cut_to_area
from rios_flows.structures import FilenameAssociations
from tests.support.rasters import CRS, ORIGIN, RES, Array, coordinates, read_raster, write_raster
from tests.support.vectors import write_vector

PIXELS = coordinates(1, 40, 50, "int16")
WEST, NORTH = ORIGIN


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "image.tif", PIXELS)


def run(image: Path, **controls: Any) -> Array:
    target = image.with_name("out.tif")
    rf.apply(lambda image: image, image, target, dtype=None, nodata=None, **controls)
    return read_raster(target)


def around(left: float, top: float, right: float, bottom: float) -> tuple[float, ...]:
    """Return bounds of pixels, counted from the corner of the image."""
    return WEST + left * RES, NORTH - bottom * RES, WEST + right * RES, NORTH - top * RES


@pytest.mark.parametrize(
    ("pixels", "rows", "cols"),
    [
        ((10, 5, 20, 15), (5, 15), (10, 20)),
        ((10.1, 5.9, 19.01, 14.2), (5, 15), (10, 20)),
        ((-7, -7, 3.5, 2), (0, 2), (0, 4)),
        ((45, 35, 99, 99), (35, 40), (45, 50)),
        ((7.5, 8.5, 7.5, 8.5), (8, 9), (7, 8)),
    ],
)
def test_bounds_reach_out_to_whole_pixels(
    image: Path, pixels: Any, rows: tuple[int, int], cols: tuple[int, int]
) -> None:
    right = PIXELS[:, slice(*rows), slice(*cols)]
    np.testing.assert_array_equal(run(image, bounds=around(*pixels)), right)


def test_bounds_in_another_crs(image: Path) -> None:
    bounds = transform_bounds(CRS, "EPSG:4326", *around(10.5, 5.5, 19.5, 14.5), densify_pts=21)
    found = run(image, bounds=bounds, crs="EPSG:4326")
    # the rectangle of longitudes and latitudes is turned against the grid, and covers a little more
    assert 10 <= found.shape[1] <= 12
    assert 10 <= found.shape[2] <= 12
    assert set(PIXELS[:, 5:15, 10:20].ravel()) <= set(found.ravel())


def test_the_extent_of_features(image: Path, tmp_path: Path) -> None:
    shapes = [shapely.box(*around(10.2, 5.2, 12, 8)), shapely.box(*around(15, 9, 19.5, 14.5))]
    zones = write_vector(tmp_path / "zones.gpkg", shapes)
    np.testing.assert_array_equal(run(image, area=zones), PIXELS[:, 5:15, 10:20])
    np.testing.assert_array_equal(run(image, files_for_extent=[zones]), PIXELS[:, 5:15, 10:20])
    # both together: what they share
    both = run(image, area=zones, bounds=around(0, 0, 12, 40))
    np.testing.assert_array_equal(both, PIXELS[:, 5:15, 10:12])


def test_the_extent_of_a_raster(image: Path, tmp_path: Path) -> None:
    other = write_raster(tmp_path / "other.tif", PIXELS[:, :4, :5], offset=(3, 2), res=60.0)
    np.testing.assert_array_equal(run(image, area=other), PIXELS[:, 4:12, 6:16])


def test_in_rios_form(image: Path, tmp_path: Path) -> None:
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image, outfiles.out = image, tmp_path / "out.tif"
    controls.setBounds(around(1, 2, 3, 4))

    def copy(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.out = inputs.image

    engine.apply(copy, infiles, outfiles, controls=controls)
    np.testing.assert_array_equal(read_raster(tmp_path / "out.tif"), PIXELS[:, 2:4, 1:3])
    assert callable(cut_to_area)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bounds": around(60, 0, 70, 9)}, rioserrors.IntersectionError, "bounds: x .* has no"),
        ({"bounds": (1, 2, 3)}, rioserrors.ParameterError, "bounds=.*four finite numbers"),
        ({"bounds": (170, 2, -170, 3)}, rioserrors.ParameterError, "count on, as from 170 to 190"),
        ({"bounds": (3, 2, 1, 4)}, rioserrors.ParameterError, "bounds=.*from lower to higher"),
        (
            {"bounds": (1, 2, 3, 4), "crs": "EPSG:none"},
            rioserrors.ParameterError,
            "crs='EPSG:none' is not right",
        ),
        ({"crs": CRS}, rioserrors.ParameterError, "a CRS is given, and no bounds"),
        ({"area": "nowhere.gpkg"}, rioserrors.FileOpenError, "neither a raster nor a vector"),
    ],
)
def test_what_is_refused(image: Path, options: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        run(image, **options)


def test_a_grid_out_of_step_is_told_of(image: Path, caplog: pytest.LogCaptureFixture) -> None:
    west, south, east, north = around(0.25, 0, 20.25, 20)
    grid = rf.PixelGridDefn(
        xMin=west, xMax=east, yMin=south, yMax=north, xRes=RES, yRes=RES, projection=CRS
    )
    with caplog.at_level(logging.WARNING):
        run(image, grid=grid)
    assert "is resampled (near): alignment" in caplog.text
