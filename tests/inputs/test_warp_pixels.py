"""Warped inputs: nodata, bands, types of pixels, and coordinate reference systems."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.shutil import copy
from rasterio.transform import from_origin

from rios_flows import rioserrors
from rios_flows.basics.defaults import RESAMPLE_METHODS
from rios_flows.geometry.crs import transform_points
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs.warp import REAL_ONLY, plan_warp
from rios_flows.inputs.warpscale import warp_scale
from rios_flows.inputs.warpvrt import METHODS
from tests.support.warped import (
    SIZE,
    inner_grid,
    positions,
    source_of,
    texture,
    whole,
    write,
)


def test_outside_the_file_and_where_it_has_none_is_nodata(tmp_path: Path) -> None:
    pixels = texture()
    pixels[pixels == 99] = 98
    pixels[0, 200:300, 200:300] = 99
    source = source_of(write(tmp_path / "a.tif", pixels, nodata=99))
    grid = inner_grid(source.grid, "EPSG:3577", cut=-0.2)
    found = whole(plan_warp(source, grid, "cubic"))[0]
    columns, rows = positions(source.grid, grid)
    outside = (columns < -3) | (columns > SIZE + 3) | (rows < -3) | (rows > SIZE + 3)
    hole = (columns > 203) & (columns < 297) & (rows > 203) & (rows < 297)
    inside = (columns > 3) & (columns < 197) & (rows > 3) & (rows < SIZE - 3)
    assert outside.any()
    assert (found[outside] == 99).all()
    assert (found[hole] == 99).all()
    assert (found[inside] != 99).all()


def test_without_nodata_outside_is_zero(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture()))
    found = whole(plan_warp(source, inner_grid(source.grid, "EPSG:3577", cut=-0.2), "bilinear"))[0]
    assert (found[0] == 0).all()
    assert (found[found.shape[0] // 2, found.shape[1] // 2] != 0).all()


@pytest.mark.parametrize("method", list(METHODS))
def test_each_band_has_its_own_nodata(tmp_path: Path, method: str) -> None:
    pixels = np.full((3, SIZE, SIZE), 1000.0, dtype=np.float32)
    pixels[0, 100:200, 100:200] = -9999
    pixels[1, 300:400, 300:400] = np.nan
    pixels[2, 500:, :] = -7777
    path = write(tmp_path / "a.tif", pixels)
    values = (-9999.0, float("nan"), None)
    together = source_of(path, nodata=None)
    together = replace(together, bands=(1, 2, 3), nodata=values)
    grid = inner_grid(together.grid, "EPSG:3577", 1.5)
    found = whole(plan_warp(together, grid, method))
    # nothing of a nodata value gets into its neighbours
    if method != "sum":
        assert set(np.unique(found[0])) == {-9999.0, 1000.0}
        assert np.nanmin(found[1]) == np.nanmax(found[1]) == 1000
        # where there is no nodata value, -7777 is data
        assert found[2].min() <= -7777 + 1e-3 or method == "rms"
    assert np.isnan(found[1]).any()
    for band in (1, 2, 3):
        alone = replace(together, bands=(band,), dtypes=("float32",), nodata=(values[band - 1],))
        single = whole(plan_warp(alone, grid, method))[0]
        np.testing.assert_array_equal(single, found[band - 1])


def test_only_selected_bands_are_there_in_their_order(tmp_path: Path) -> None:
    pixels = texture(4)
    path = write(tmp_path / "a.tif", pixels)
    source = source_of(path, layers=(4, 2))
    grid = inner_grid(source.grid, "EPSG:3577")
    found = whole(plan_warp(source, grid, "near"))
    columns, rows = positions(source.grid, grid)
    exact = pixels[:, rows.astype(int), columns.astype(int)]
    assert found.shape[0] == 2
    assert (found[0] == exact[3]).mean() > 0.97
    assert (found[1] == exact[1]).mean() > 0.97


@pytest.mark.parametrize(
    "dtype",
    [
        *("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
        *("float32", "float64", "complex64", "complex128"),
    ],
)
def test_every_type_of_pixel(tmp_path: Path, dtype: str) -> None:
    pixels = (np.arange(SIZE)[None, None, :] % 100 + np.zeros((1, SIZE, 1))).astype(dtype)
    source = source_of(write(tmp_path / "a.tif", pixels))
    grid = inner_grid(source.grid, "EPSG:3577")
    found = whole(plan_warp(source, grid, "near"))[0]
    columns, _ = positions(source.grid, grid)
    assert found.dtype == dtype
    assert (found == (columns.astype(int) % 100).astype(dtype)).mean() > 0.97


def test_a_nodata_value_that_the_type_cannot_hold_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", texture(dtype="uint8"))
    with rasterio.open(path) as file:
        copy(file, tmp_path / "a.vrt", driver="VRT")
    text = (tmp_path / "a.vrt").read_text()
    assert "<ColorInterp>" in text
    nodata = "<NoDataValue>-9999</NoDataValue><ColorInterp>"
    (tmp_path / "a.vrt").write_text(text.replace("<ColorInterp>", nodata))
    source = source_of(str(tmp_path / "a.vrt"))
    plan = plan_warp(source, inner_grid(source.grid, "EPSG:3577", cut=-0.1), "near")
    assert plan.definition.nodata == (None,)
    assert (whole(plan)[0][0] == 0).all()


def test_overviews_are_read_only_where_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.full((1, SIZE, SIZE), 50, np.uint8))
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4, 8], Resampling.nearest)
    for level, value in enumerate([2, 4, 8]):
        with rasterio.open(path, "r+", OVERVIEW_LEVEL=level) as file:
            file.write(np.full((1, file.height, file.width), value, np.uint8))
    source = source_of(path)
    for factor, expected in [(1.0, 50), (1.5, 50), (2.5, 2), (5.0, 4), (30.0, 8)]:
        grid = inner_grid(source.grid, "EPSG:32756", factor)
        plan = plan_warp(source, grid, "bilinear", use_overviews=True)
        assert np.unique(whole(plan)).tolist() == [expected], factor
        assert np.unique(whole(plan_warp(source, grid, "bilinear"))).tolist() == [50]
    # and it lies where the file lies
    assert plan.definition.source.bounds == pytest.approx(source.grid.bounds)


def test_across_the_antimeridian(tmp_path: Path) -> None:
    # longitudes 176 to 184; UTM zone 1 begins at 180
    columns = np.broadcast_to(np.arange(800, dtype=np.float32), (1, 200, 800))
    path = write(
        tmp_path / "a.tif", columns, "EPSG:4326", transform=from_origin(176, 1, 0.01, 0.01)
    )
    source = source_of(path)
    utm = CRS.from_epsg(32601).to_wkt()
    grid = PixelGrid(80000, 50000, 1000, 1000, 300, 100, utm)
    found = whole(plan_warp(source, grid, "bilinear"))[0]
    x = grid.xmin + (np.arange(300.0) + 0.5) * 1000
    y = np.full(300, grid.ymax - 50.5 * 1000)
    longitude, _ = transform_points(utm, source.grid.crs, x, y)
    expected = (longitude % 360 - 176) / 0.01 - 0.5
    assert expected[0] < 500 < expected[-1]
    np.testing.assert_allclose(found[50], expected, atol=0.02)


def test_a_global_raster_keeps_its_sharpness_at_the_antimeridian(tmp_path: Path) -> None:
    world = np.random.default_rng(1).integers(1, 200, (1, 180, 360)).astype(np.uint8)
    path = write(tmp_path / "a.tif", world, "EPSG:4326", transform=from_origin(-180, 90, 1, 1))
    source = source_of(path)
    grid = PixelGrid(-100000, 500000, 20000, 20000, 50, 50, CRS.from_epsg(32601).to_wkt())
    scale = warp_scale(source.grid, grid)
    assert min(scale) > 0.9


def test_two_spellings_of_a_crs_need_no_reprojection(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture(), "EPSG:28355"))
    esri = CRS.from_epsg(28355).to_wkt(version="WKT1_ESRI")
    grid = PixelGrid(300000 + 15, 6000000 - 15, 30, 30, 300, 300, esri)
    plan = plan_warp(source, grid, "bilinear")
    quads = np.lib.stride_tricks.sliding_window_view(texture()[0], (2, 2))[:300, :300]
    np.testing.assert_allclose(whole(plan)[0], quads.mean(axis=(2, 3)), atol=0.51)


def test_a_crs_on_one_side_only_is_refused(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture(), ""))
    with pytest.raises(
        rioserrors.GdalWarpError, match=r"a\.tif' \(input 'image'\): .*no CRS.*edit"
    ):
        plan_warp(source, PixelGrid(0, 0, 1, 1, 9, 9, CRS.from_epsg(32755).to_wkt()), "near")


def test_a_grid_that_has_no_place_in_the_crs_of_the_input(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture(), "EPSG:32755"))
    grid = PixelGrid(0, 95, 1, 1, 2, 2, CRS.from_epsg(4326).to_wkt())
    with pytest.raises(
        rioserrors.GdalWarpError, match=r"a\.tif' \(input 'image'\): .*(?:no place|has a)"
    ):
        plan_warp(source, grid, "near")


def test_no_crs_on_either_side_is_only_another_grid(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture(), ""))
    found = whole(plan_warp(source, PixelGrid(300000, 6000000, 90, 90, 100, 100), "near"))
    np.testing.assert_array_equal(found, texture()[:, 1:300:3, 1:300:3])


def test_a_plan_survives_pickling(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a & <b>.tif", texture()))
    plan = plan_warp(source, inner_grid(source.grid, "EPSG:3577"), "cubic")
    again = pickle.loads(pickle.dumps(plan))
    assert again == plan
    np.testing.assert_array_equal(whole(again), whole(plan))


def test_every_method_that_the_controls_take_is_known() -> None:
    assert tuple(METHODS) == RESAMPLE_METHODS


@pytest.mark.parametrize("method", REAL_ONLY)
def test_complex_pixels_have_no_order(tmp_path: Path, method: str) -> None:
    source = source_of(write(tmp_path / "a.tif", np.ones((1, 40, 40), "complex64")))
    with pytest.raises(rioserrors.GdalWarpError, match=rf"a\.tif' .*'{method}', .* complex64"):
        plan_warp(source, inner_grid(source.grid, "EPSG:3577", 1.4), method)
