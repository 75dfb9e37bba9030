"""Pixels without data: which of an input's are masked, and what NaN of an output becomes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

import rios_flows as rf
from rios_flows.front.missing import nan_as_nodata
from tests.support.rasters import Array, coordinates, read_raster, write_raster

UTM = "EPSG:32755"
#: Half a pixel off, and of larger pixels.
LIKE = rf.Raster(np.zeros((30, 30), "uint8"), from_origin(0.3, 39.7, 1.2, 1.2), UTM)
COLOURS = ("red", "green", "blue", "alpha")
PLACE = from_origin(0, 40, 1, 1)
HOLE = np.zeros((40, 40), bool)
HOLE[10:20, 10:20] = True


def unknown_at_corner(red: Any) -> Any:
    """Return floats whose first pixel is NaN, as 0 / 0 is in plain numpy."""
    result = np.asarray(red, "float32").copy()
    result[0, 0] = np.nan
    return result


@pytest.mark.parametrize("wrap", [np.asarray, lambda array: np.ma.masked_equal(array, 5)])
def test_nan_becomes_the_nodata_value(tmp_path: Path, wrap: Any) -> None:
    pixels = coordinates(1, 8, 9, "int16")
    path = write_raster(tmp_path / "in.tif", pixels)
    returned: list[Any] = []

    def function(red: Any) -> Any:
        returned.append(wrap(unknown_at_corner(red)))
        return returned[-1]

    result = rf.apply(function, path, tmp_path / "out.tif", nodata=-9999)
    expected = wrap(pixels[0].astype("float32"))
    expected = np.ma.filled(expected, -9999)
    expected[0, 0] = -9999
    np.testing.assert_array_equal(read_raster(tmp_path / "out.tif")[0], expected)
    # what the function keeps is its own
    assert np.isnan(np.ma.getdata(returned[0])[0, 0])
    (statistics,) = result.outputs["out"].statistics
    assert statistics.min == expected[expected != -9999].min()


def test_nan_stays_where_it_is_meant(tmp_path: Path) -> None:
    pixels = coordinates(1, 8, 9, "int16")
    path = write_raster(tmp_path / "in.tif", pixels)
    for options in ({}, {"nodata": np.nan}, {"nodata": None}, {"nodata": 0, "masked": False}):
        rf.apply(unknown_at_corner, path, tmp_path / "out.tif", **options)
        assert np.isnan(read_raster(tmp_path / "out.tif")[0, 0, 0])
    # a value that the type does not have is no nodata value
    array = np.array([[np.nan]], "float32")
    assert nan_as_nodata(array, 1e300) is array
    assert nan_as_nodata(np.array([[1j, np.nan]], "complex64"), -1).tolist() == [[1j, -1]]


def test_nan_of_several_files_of_one_output(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "in.tif", coordinates(1, 4, 4, "int16"))
    out = [tmp_path / "a.tif", tmp_path / "b.tif"]
    rf.apply(lambda red: [unknown_at_corner(red), red], path, {"out": out}, nodata=-1)
    assert read_raster(out[0])[0, 0, 0] == -1
    np.testing.assert_array_equal(read_raster(out[1]), read_raster(path))


def as_file(tmp_path: Path, pixels: Array, nodata: float | None) -> Any:
    path = tmp_path / "in.tif"
    with rasterio.open(path, "w", driver="GTiff", height=40, width=40, count=1, nodata=nodata,
                       dtype=pixels.dtype, transform=PLACE, crs=UTM) as dataset:  # fmt: skip
        dataset.write(pixels, 1)
    return path


def as_data_array(tmp_path: Path, pixels: Array, nodata: float | None) -> Any:
    attrs = {"crs": UTM} if nodata is None else {"crs": UTM, "_FillValue": nodata}
    coords = {"y": 39.5 - np.arange(40), "x": 0.5 + np.arange(40)}
    return xr.DataArray(pixels, coords, ("y", "x"), attrs=attrs)


def as_raster(tmp_path: Path, pixels: Array, nodata: float | None) -> Any:
    return rf.Raster(pixels, PLACE, UTM, nodata)


@pytest.mark.parametrize("kind", [as_file, as_data_array, as_raster])
@pytest.mark.parametrize("nodata", [None, -9999])
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_nan_of_floats_is_masked(
    tmp_path: Path, kind: Any, nodata: float | None, dtype: str
) -> None:
    pixels = np.ones((40, 40), dtype)
    pixels[HOLE] = np.nan
    pixels[0, 0] = -9999 if nodata else np.nan
    seen: list[Any] = []
    image = kind(tmp_path, pixels, nodata)
    rf.apply(lambda image: seen.append(image), image, workers=1)
    (block,) = seen
    expected = HOLE.copy()
    expected[0, 0] = True
    np.testing.assert_array_equal(np.ma.getmaskarray(block), expected)
    # and what is as it was read stays so
    rf.apply(lambda image: seen.append(image), image, masked=False, workers=1)
    np.testing.assert_array_equal(seen[1], pixels)


@pytest.mark.parametrize("method", ["bilinear", "average"])
def test_nan_of_a_file_is_left_out_when_resampled(tmp_path: Path, method: str) -> None:
    pixels = np.ones((40, 40), "float32")
    pixels[HOLE] = np.nan
    found = []
    for kind in (as_file, as_data_array):
        inputs = {"image": kind(tmp_path, pixels, None), "like": LIKE}
        rf.apply(lambda image, like: image, inputs, tmp_path / "out.tif", like="like",
                 resampling=method)  # fmt: skip
        found.append(read_raster(tmp_path / "out.tif"))
    np.testing.assert_array_equal(found[0], found[1])
    assert set(found[0][np.isfinite(found[0])]) == {1}
    # those of 1.2 m whose centre, and those of which all, lies in the hole of 10 m
    assert np.isnan(found[0]).sum() == {"bilinear": 64, "average": 49}[method]


def with_mask(tmp_path: Path, dtype: str) -> Any:
    """Return a file with a mask of its own, and 100 beneath."""
    path = tmp_path / "masked.tif"
    with rasterio.open(path, "w", driver="GTiff", height=40, width=40, count=2, dtype=dtype,
                       transform=PLACE, crs=UTM) as dataset:  # fmt: skip
        dataset.write(np.where(HOLE, 100, np.ones((2, 40, 40))).astype(dtype))
        dataset.write_mask(~HOLE)
    return path


def with_alpha(tmp_path: Path, dtype: str) -> Any:
    path = tmp_path / "alpha.tif"
    alpha = np.where(HOLE, 0, np.iinfo(dtype).max)
    with rasterio.open(path, "w", driver="GTiff", height=40, width=40, count=4, dtype=dtype,
                       transform=PLACE, crs=UTM) as dataset:  # fmt: skip
        dataset.colorinterp = [getattr(ColorInterp, name) for name in COLOURS]
        dataset.write(np.stack([np.where(HOLE, 100, 1)] * 3 + [alpha]).astype(dtype))
    return path


def of_numpy(tmp_path: Path, dtype: str) -> Any:
    """Return a masked array whose second band has another mask."""
    pixels = np.where(HOLE, 100, np.ones((2, 40, 40))).astype(dtype)
    mask = np.stack([HOLE, HOLE.copy()])
    mask[1, 30:] = True
    pixels[1, 30:] = 50
    return rf.Raster(np.ma.MaskedArray(pixels, mask), PLACE, UTM)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        *((with_mask, "uint8"), (with_mask, "float32"), (with_alpha, "uint8")),
        *((of_numpy, dtype) for dtype in ("int16", "int64", "float32", "complex64")),
    ],
)
@pytest.mark.parametrize("method", ["near", "bilinear", "cubic", "average"])
def test_masked_pixels_do_not_mix_with_others(
    tmp_path: Path, kind: Any, dtype: str, method: str
) -> None:
    seen: list[Any] = []

    def function(image: Any, like: Any) -> None:
        seen.append(image)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rf.apply(function, {"image": kind(tmp_path, dtype), "like": LIKE}, like="like",
                 resampling=method, bands={"image": [1, 2]}, dtype=None, workers=1)  # fmt: skip
    (block,) = seen
    assert block.dtype == dtype
    assert set(block.compressed()) == {1}
    # of near a pixel at the hole's edge may be one of the hole
    holes = np.ma.getmaskarray(block)
    assert 49 <= holes[0].sum() <= 81
    assert holes[1, 26:].all() == (kind is of_numpy)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "complex64"])
@pytest.mark.parametrize("method", ["near", "bilinear", "average"])
def test_pixels_of_0_beside_a_mask_are_valid(dtype: str, method: str) -> None:
    # 0 to the north, 8 to the south, and nothing in the west
    pixels = np.where(np.arange(40)[:, np.newaxis] < 20, 0, np.full((40, 40), 8)).astype(dtype)
    image = rf.Raster(np.ma.MaskedArray(pixels, np.broadcast_to(np.arange(40) < 10, (40, 40))),
                      PLACE, UTM)  # fmt: skip
    x, y = PLACE.c, PLACE.f
    like = rf.Raster(np.ones((10, 10), "uint8"), (4 * PLACE.a, 0, x, 0, 4 * PLACE.e, y), UTM)
    seen: list[Any] = []
    rf.apply(lambda image, like: seen.append(image), {"image": image, "like": like}, like="like",
             resampling=method, dtype=None, workers=1)  # fmt: skip
    holes = np.ma.getmaskarray(seen[0])
    # the columns that lie in the west as a whole, and all that reach beyond it
    assert holes[:, :2].all()
    assert not holes[:, 3:].any()
    assert np.all(seen[0][:4, 3:] == 0)
    assert np.all(seen[0][6:, 3:] == 8)


@pytest.mark.parametrize("dtype", ["int16", "complex64"])
@pytest.mark.parametrize("method", ["bilinear", "cubic"])
def test_bands_with_other_masks_are_resampled_as_alone(dtype: str, method: str) -> None:
    mask = np.random.default_rng(7).random((2, 40, 40)) < 0.3
    image = rf.Raster(np.ma.MaskedArray(np.full((2, 40, 40), 5, dtype), mask), PLACE, UTM)
    seen: list[Any] = []
    for bands in ([1, 2], [1], [2]):
        rf.apply(lambda image, like: seen.append(image), {"image": image, "like": LIKE},
                 like="like", resampling=method, bands={"image": bands}, dtype=None,
                 workers=1)  # fmt: skip
    together, *alone = seen
    assert set(together.compressed()) == {5}
    np.testing.assert_array_equal(
        np.ma.getmaskarray(together), np.concatenate(list(map(np.ma.getmaskarray, alone)))
    )


def test_a_nodata_value_beside_a_mask(tmp_path: Path) -> None:
    path = with_mask(tmp_path, "uint8")
    with rasterio.open(path, "r+") as dataset:
        pixels = dataset.read()
        pixels[:, 30, 30] = 7
        dataset.write(pixels)
    seen: list[Any] = []
    inputs = {"image": path, "like": LIKE}
    rf.apply(lambda image, like: seen.append(image), inputs, like="like", resampling="cubic",
             input_nodata={"image": 7}, dtype=None, workers=1)  # fmt: skip
    assert set(seen[0].compressed()) == {1}


def test_masked_complex_pixels_become_nan(tmp_path: Path) -> None:
    image = rf.Raster(np.ones((40, 40), "float32"), PLACE, UTM)
    rf.apply(lambda image: np.ma.MaskedArray(image + 1j, HOLE), image, tmp_path / "out.tif")
    found = read_raster(tmp_path / "out.tif")[0]
    assert found.dtype == "complex64"
    np.testing.assert_array_equal(np.isnan(found), HOLE)
    np.testing.assert_array_equal(found[~HOLE], 1 + 1j)
