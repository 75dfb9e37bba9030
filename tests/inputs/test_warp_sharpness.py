"""How wide kernels are: as the transform asks for, whichever way the grids are turned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import from_origin

from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs.warp import plan_warp
from rios_flows.inputs.warpscale import Scale, warp_scale
from tests.support.warped import (
    Array,
    inner_grid,
    move,
    one_call,
    positions,
    smooth_noise,
    source_of,
    texture,
    turned_grid,
    whole,
    write,
)

UTM = CRS.from_epsg(32755).to_wkt()
SOURCE = PixelGrid(500000, 7000000, 10, 10, 400, 400, UTM)

factors = st.floats(0.4, 5)


@settings(deadline=None, max_examples=60)
@given(angle=st.floats(0, 360), across=factors, down=factors)
def test_the_scale_is_that_of_the_transform(angle: float, across: float, down: float) -> None:
    scale = warp_scale(SOURCE, turned_grid(SOURCE, angle, (across, down), 200))
    turn = np.radians(angle)
    steps = (
        np.hypot(across * np.cos(turn), down * np.sin(turn)),
        np.hypot(across * np.sin(turn), down * np.cos(turn)),
    )
    for value, step in zip(scale, steps, strict=True):
        assert value <= 1
        # whole numbers are rounded to within 0.05; the projection itself is off by a thousandth
        assert 1 / value == pytest.approx(max(1, step), rel=2e-3, abs=0.05)


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.15, 1.3, 2.0, 3.3])
@pytest.mark.parametrize("cut", [0.0, 0.12])
def test_within_one_crs_it_is_gdals(tmp_path: Path, factor: float, cut: float) -> None:
    path = write(tmp_path / "a.tif", texture())
    source = source_of(path)
    grid = inner_grid(source.grid, "EPSG:32755", factor, cut)
    scale = warp_scale(source.grid, grid)
    told = one_call(path, grid, "cubic", XSCALE=repr(scale.x), YSCALE=repr(scale.y))
    np.testing.assert_array_equal(told, one_call(path, grid, "cubic"))


def cubic(distance: Array) -> Array:
    """The kernel of cubic convolution with a = -0.5."""
    t = abs(distance)
    near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    values: Array = np.where(t <= 1, near, np.where(t < 2, far, 0))
    return values


def convolved(pixels: Array, columns: Array, rows: Array) -> Array:
    """Cubic convolution at exact positions (pixels)."""
    x, y = columns - 0.5, rows - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    total = np.zeros(x.shape)
    for down in range(-1, 3):
        for across in range(-1, 3):
            weight = cubic(x - left - across) * cubic(y - top - down)
            total += pixels[top + down, left + across] * weight
    return total


def rms(found: Array, expected: Array) -> float:
    return float(np.sqrt(((found.astype(float) - expected) ** 2).mean()))


@pytest.mark.parametrize(
    ("zone", "corner"),
    [(32756, (300000, 7000000)), (32750, (300000, 7000000)), (32753, (400000, 7000000))],
)
def test_pixels_of_equal_size_are_as_sharp_as_cubic_convolution(
    tmp_path: Path, zone: int, corner: tuple[float, float]
) -> None:
    # Albers is turned by nine and seven degrees against the first two zones
    pixels = smooth_noise(560).round().clip(1, 60000).astype(np.uint16)
    path = write(
        tmp_path / "a.tif",
        pixels[None],
        f"EPSG:{zone}",
        transform=from_origin(*corner, 10, 10),
        nodata=0,
    )
    source, albers = source_of(path), CRS.from_epsg(3577).to_wkt()
    [x], [y] = move(source.grid.crs, albers, corner[0] + 2800, corner[1] - 2800)
    grid = PixelGrid(x - 1500, y + 1500, 10, 10, 300, 300, albers)
    expected = convolved(pixels, *positions(source.grid, grid))
    best = one_call(path, grid, "cubic", tolerance=1e-6, XSCALE=1, YSCALE=1)
    found = whole(plan_warp(source, grid, "cubic"))[0]
    assert rms(found, expected) <= 1.1 * rms(best, expected) < 1


@pytest.mark.parametrize("angle", [0, 10, 30, 45])
@pytest.mark.parametrize("factor", [1.5, 2.0, 3.3])
def test_smaller_images_come_as_near_to_an_area_weighted_mean_as_gdals(
    tmp_path: Path, factor: float, angle: float
) -> None:
    pixels, parts = smooth_noise(SOURCE.ncols), 8
    path = write(tmp_path / "a.tif", pixels[None], UTM, transform=SOURCE.transform)
    source = source_of(path)
    grid = turned_grid(source.grid, angle, (factor, factor), 150)
    columns, rows = positions(source.grid, grid, parts)
    split = pixels[rows.astype(int), columns.astype(int)]
    mean = split.reshape(grid.nrows, parts, grid.ncols, parts).mean(axis=(1, 3))
    for method in ("average", "bilinear", "cubic", "lanczos"):
        ours = rms(whole(plan_warp(source, grid, method))[0], mean)
        gdals = rms(one_call(path, grid, method), mean)
        if angle == 0 or method == "average":
            # GDAL's scale is the same, or none is used
            assert ours == pytest.approx(gdals, rel=0.01)
        else:
            assert ours < 0.97 * gdals


@pytest.mark.parametrize(("factor", "expected"), [(1.5, 50), (1.8, 50), (2.1, 2)])
def test_no_overview_is_read_whose_pixels_are_larger_than_those_of_a_turned_grid(
    tmp_path: Path, factor: float, expected: int
) -> None:
    path = write(tmp_path / "a.tif", np.full((1, 400, 400), 50, np.uint8), UTM)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2], Resampling.nearest)
    with rasterio.open(path, "r+", OVERVIEW_LEVEL=0) as file:
        file.write(np.full((1, file.height, file.width), 2, np.uint8))
    source = source_of(path)
    grid = turned_grid(source.grid, 40, (factor, factor), 200)
    plan = plan_warp(source, grid, "cubic", use_overviews=True)
    assert np.unique(whole(plan)).tolist() == [expected]


def test_the_scale_is_that_of_the_middle_where_it_changes_over_the_image() -> None:
    # a degree of longitude shrinks to half from the equator to 60 degrees north
    world = PixelGrid(0, 0, 0.01, 0.01, 100, 100, CRS.from_epsg(4326).to_wkt())
    source: dict[str, Any] = {"xres": 500, "yres": 500, "crs": CRS.from_epsg(3857).to_wkt()}
    [x], [y] = move(world.crs, source["crs"], 0, 60)
    mercator = PixelGrid(x, y, ncols=2000, nrows=round(y / 500), **source)
    target = PixelGrid(0, 60, 0.01, 0.01, 1000, 6000, world.crs)
    scale = warp_scale(mercator, target)
    across = 0.01 * 111319.49 / 500
    # along the meridian Mercator is stretched by 1 / cos(latitude); half the image lies below 30
    assert scale == pytest.approx(Scale(1 / across, np.cos(np.radians(30)) / across), rel=0.03)
