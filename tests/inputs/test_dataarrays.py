"""What attributes of a DataArray tell: missing values, scale and offset."""

from __future__ import annotations

import math
from typing import Any

import dask.array
import numpy as np
import pytest
import rioxarray  # noqa: F401 - it registers the accessor
import xarray as xr

import rios_flows as rf
from rios_flows import rioserrors
from rios_flows.inputs.dataarrays import raster_of

PIXELS = np.array([[1, 2, 3], [4, 5, 6]])


def array_of(pixels: Any, **attrs: Any) -> xr.DataArray:
    """Return a DataArray; its last two dimensions have coordinates."""
    dims = ("band", "y", "x")[-pixels.ndim :]
    coords = {"y": [20.0, 10.0], "x": [0.0, 10.0, 20.0]}
    return xr.DataArray(pixels, coords, dims, attrs={"crs": "EPSG:32755", **attrs})


def seen_of(image: Any, **options: Any) -> Any:
    seen: list[Any] = []
    rf.apply(lambda image: seen.append(image), image, workers=1, **options)
    return seen[0]


@pytest.mark.parametrize(
    ("dtype", "attrs", "missing"),
    [
        ("int16", {"_FillValue": 1}, [1]),
        ("int16", {"_FillValue": 1, "missing_value": 2}, [1, 2]),
        ("int16", {"_FillValue": 1, "missing_value": 1}, [1]),
        ("int16", {"missing_value": np.array([2, 5], "int16")}, [2, 5]),
        ("int16", {"missing_value": []}, []),
        ("int16", {"_FillValue": "3"}, [3]),
        # no pixel can have these
        ("int16", {"_FillValue": math.nan}, []),
        ("uint8", {"_FillValue": -9999, "missing_value": 6}, [6]),
        ("uint8", {"_FillValue": 1.5}, []),
        ("float32", {"_FillValue": 1e300, "missing_value": 6.0}, [6]),
        ("float32", {"_FillValue": math.nan, "missing_value": 2.0}, [2]),
        ("float64", {"_FillValue": 3, "missing_value": math.nan}, [3]),
        ("uint64", {"_FillValue": np.uint64(4)}, [4]),
        ("bool", {"_FillValue": 255}, []),
        ("int16", {"nodata": 4}, [4]),
        ("int16", {"nodatavals": (4.0,)}, [4]),
        # rioxarray's order
        ("int16", {"_FillValue": 1, "nodatavals": (4.0,)}, [1]),
    ],
)
@pytest.mark.parametrize("lazy", [False, True])
def test_missing_values(dtype: str, attrs: dict[str, Any], missing: list[int], lazy: bool) -> None:
    pixels: Any = PIXELS.astype(dtype)
    make: Any = dask.array.from_array
    block = seen_of(array_of(make(pixels, (1, 2)) if lazy else pixels, **attrs), dtype=None)
    np.testing.assert_array_equal(np.ma.getmaskarray(block), np.isin(PIXELS, missing))
    np.testing.assert_array_equal(block.compressed(), pixels[~np.isin(PIXELS, missing)])


def test_a_missing_value_for_each_band() -> None:
    image = array_of(np.stack([PIXELS, PIXELS]).astype("int16"), nodatavals=(1.0, 5.0))
    block = seen_of(image)
    np.testing.assert_array_equal(np.ma.getmaskarray(block), [PIXELS == 1, PIXELS == 5])
    assert raster_of(image).nodata == [1, 5]


def test_missing_values_told_to_rioxarray() -> None:
    image = array_of(PIXELS.astype("int16")).rio.set_nodata(5)
    assert np.ma.getmaskarray(seen_of(image)).sum() == 1


@pytest.mark.parametrize(
    "attrs", [{"_FillValue": "none"}, {"scale_factor": "much"}, {"scales": [1, 2, 3]}]
)
def test_attributes_that_are_no_numbers_are_refused(attrs: dict[str, Any]) -> None:
    with pytest.raises(
        rioserrors.ParameterError, match=f"input 'image': DataArray .*{next(iter(attrs))}"
    ):
        seen_of(array_of(PIXELS.astype("int16"), **attrs))


def test_scale_and_offset_as_xarray_has_them() -> None:
    stored = array_of(PIXELS.astype("int16"), scale_factor=0.5, add_offset=-1.0, _FillValue=3)
    decoded = xr.decode_cf(xr.Dataset({"image": stored}), decode_coords=False)["image"]
    block = seen_of(stored, scaled=True)
    np.testing.assert_array_equal(block.filled(np.nan), decoded.to_numpy())
    assert block.dtype == "float32"
    # what xarray has applied is not applied again
    np.testing.assert_array_equal(seen_of(decoded, scaled=True).filled(np.nan), decoded.to_numpy())


def test_dates_are_names_of_bands() -> None:
    days = np.array(["2020-01-01", "2020-01-02"], "datetime64[ns]")
    image = array_of(np.stack([PIXELS, PIXELS * 2]).astype("int16"), crs="EPSG:32755")
    image = image.assign_coords(band=days).rename(band="time")
    np.testing.assert_array_equal(seen_of(image, bands="2020-01-02"), PIXELS * 2)
    hours = image.assign_coords(time=days + np.timedelta64(90, "m"))
    assert raster_of(hours).names == ["2020-01-01T01:30", "2020-01-02T01:30"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda array: array.assign_coords(y=[20.0, np.nan]), "'y' without even steps"),
        (lambda array: array.assign_coords(x=[0.0, 0.0, 0.0]), "'x' without even steps"),
        (lambda array: array.assign_coords(x=[0.0, 1.0, 5.0]), "'x' without even steps"),
        (lambda array: array.isel(y=slice(0)), "0 x 3 int16 has no pixels"),
    ],
)
def test_coordinates_that_place_nothing_are_refused(change: Any, words: str) -> None:
    with pytest.raises(rioserrors.ParameterError, match=words):
        seen_of(change(array_of(PIXELS.astype("int16"))))


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("stored", "unsigned", "fill", "expected"),
    [
        ([[-1, -2], [3, -128]], "true", np.int8(-1), [[math.nan, 254], [3, 128]]),
        # written by whom the other type was clear
        ([[-1, -2], [3, -128]], "True", 254, [[255, math.nan], [3, 128]]),
        ([[255, 254], [3, 128]], "false", np.uint8(255), [[math.nan, -2], [3, -128]]),
        ([[-1, -2], [3, -128]], "false", np.int8(-1), [[math.nan, -2], [3, -128]]),
    ],
)
def test_integers_whose_sign_an_attribute_tells(
    stored: Any, unsigned: str, fill: Any, expected: Any, lazy: bool
) -> None:
    dtype = "int8" if np.min(stored) < 0 else "uint8"
    pixels: Any = np.array(stored, dtype)
    attrs = {"crs": "EPSG:32755", "_Unsigned": unsigned, "_FillValue": fill}
    coords = {"y": [20.0, 10.0], "x": [0.0, 10.0]}
    image = xr.DataArray(pixels, coords, ("y", "x"), attrs=attrs)
    image = image.chunk({"y": 1}) if lazy else image
    np.testing.assert_array_equal(seen_of(image).filled(np.nan), expected)
    assert seen_of(image, dtype=None).dtype.kind == ("i" if unsigned == "false" else "u")
    scaled = seen_of(image.assign_attrs(scale_factor=0.5, add_offset=1), scaled=True)
    np.testing.assert_array_equal(scaled.filled(np.nan), np.array(expected) * 0.5 + 1)
    # as xarray itself decodes what is so written
    if unsigned == "true":
        decoded = xr.decode_cf(image.drop_attrs().assign_attrs(attrs).to_dataset(name="image"))
        np.testing.assert_array_equal(decoded["image"], expected)
