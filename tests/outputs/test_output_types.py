"""Pixels of every type, laid out in any way, and their nodata values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from tests.support.outputs import Output
from tests.support.rasters import Array, coordinates, read_raster


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path)


def cast(dtype: Any) -> Callable[..., None]:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = (inputs.image % 100).astype(dtype)

    return function


@pytest.mark.parametrize(
    "dtype",
    [
        "int8",
        "uint8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "float32",
        "float64",
        "complex64",
        "complex128",
    ],
)
def test_types_of_a_gtiff(output: Output, dtype: str) -> None:
    output.run(cast(dtype))
    pixels = read_raster(output.path)
    assert pixels.dtype == dtype
    np.testing.assert_array_equal(pixels, coordinates(1, 200, 300, "int32") % 100)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float64", "complex64"])
def test_types_of_hfa(tmp_path: Path, dtype: str) -> None:
    output = Output(tmp_path, "new.img")
    output.run(cast(dtype))
    pixels = read_raster(output.path)
    assert pixels.dtype == dtype
    np.testing.assert_array_equal(pixels, coordinates(1, 200, 300, "int32") % 100)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("new.img", "int64"), ("new.img", "uint64"), ("new.tif", "float16"), ("new.tif", "object")],
)
def test_types_that_a_driver_cannot_hold(tmp_path: Path, name: str, dtype: str) -> None:
    output = Output(tmp_path, name)
    with pytest.raises(rioserrors.TypeConversionError) as caught:
        output.run(cast(dtype))
    for word in ("'result'", name, dtype, "astype"):
        assert word in str(caught.value)
    assert not output.path.exists()


def test_integers_of_64_bits_keep_every_bit(output: Output) -> None:
    def large(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = 2**62 + inputs.image.astype("int64")

    output.run(large)
    wanted = 2**62 + coordinates(1, 200, 300, "int32").astype("int64")
    np.testing.assert_array_equal(read_raster(output.path), wanted)


def test_true_and_false_become_one_and_zero(output: Output) -> None:
    def odd(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image % 2 == 1

    output.controls.setWindowSize(64, 64)
    output.run(odd)
    pixels = read_raster(output.path)
    assert pixels.dtype == "uint8"
    np.testing.assert_array_equal(pixels, coordinates(1, 200, 300, "int32") % 2)


def other_byte_order(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder())


def every_second(array: Array) -> Array:
    return np.repeat(array, 2, axis=2)[:, :, ::2]


def column_by_column(array: Array) -> Array:
    return np.asfortranarray(array)


def upside_down(array: Array) -> Array:
    return np.ascontiguousarray(array[:, ::-1])[:, ::-1]


def read_only(array: Array) -> Array:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def subclass(array: Array) -> Array:
    return np.ma.masked_array(array)


@pytest.mark.parametrize(
    "form",
    [other_byte_order, every_second, column_by_column, upside_down, read_only, subclass],
)
@pytest.mark.parametrize("dtype", ["int32", "float64", "bool"])
@pytest.mark.parametrize("overlap", [0, 2])
def test_arrays_as_numpy_lays_them_out(
    output: Output, form: Callable[[Array], Array], dtype: str, overlap: int
) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        # every second block in another form: same pixels, same type
        pixels = (inputs.image % 2).astype(dtype)
        outputs.result = form(pixels) if sum(info.getBlockCount()) % 2 else pixels

    output.controls.setWindowSize(70, 90)
    output.controls.setOverlap(overlap)
    output.run(function)
    pixels = read_raster(output.path)
    assert pixels.dtype == ("uint8" if dtype == "bool" else dtype)
    np.testing.assert_array_equal(pixels, coordinates(1, 200, 300, "int32") % 2)


@pytest.mark.parametrize("nodata", [0, 250, 3.0])
def test_masked_pixels_become_nodata(output: Output, nodata: float) -> None:
    def masked(info: Any, inputs: Any, outputs: Any) -> None:
        pixels = (inputs.image % 100 + 100).astype("uint8")
        outputs.result = np.ma.masked_array(pixels, pixels == 111)

    output.controls.setStatsIgnore(nodata)
    output.controls.setWindowSize(128, 128)
    output.run(masked)
    wanted = coordinates(1, 200, 300, "int32") % 100 + 100
    np.testing.assert_array_equal(read_raster(output.path), np.where(wanted == 111, nodata, wanted))
    assert output.about().nodata == nodata


def test_what_lies_under_the_mask_of_a_later_block_does_not_matter(output: Output) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        pixels = np.full(inputs.image.shape, 3, "uint8")
        if info.yblock or info.xblock:
            pixels = np.ma.masked_invalid(np.where(inputs.image % 2, np.nan, 3.0))
        outputs.result = pixels

    output.controls.setWindowSize(100, 100)
    output.controls.setStatsIgnore(9)
    output.run(function)
    read = read_raster(output.path)
    assert set(np.unique(read[:, 100:])) == {3, 9}
    assert (read[:, :100, :100] == 3).all()


def test_masked_pixels_without_nodata_have_the_arrays_own_value(output: Output) -> None:
    def masked(info: Any, inputs: Any, outputs: Any) -> None:
        pixels = (inputs.image % 100).astype("uint8")
        outputs.result = np.ma.masked_array(pixels, pixels == 11, fill_value=99)

    output.controls.setStatsIgnore(None)
    output.run(masked)
    pixels = coordinates(1, 200, 300, "int32") % 100
    np.testing.assert_array_equal(read_raster(output.path), np.where(pixels == 11, 99, pixels))
    assert output.about().nodata is None


@pytest.mark.parametrize(("dtype", "refused"), [("uint8", True), ("int16", True), ("int32", False)])
def test_masked_pixels_without_any_value(output: Output, dtype: str, refused: bool) -> None:
    def masked(info: Any, inputs: Any, outputs: Any) -> None:
        pixels = (inputs.image % 100).astype(dtype)
        outputs.result = np.ma.masked_array(pixels, pixels == 11)

    output.controls.setStatsIgnore(None)
    if refused:
        with pytest.raises(
            rioserrors.TypeConversionError, match=r"'result'.*block row 0, column 0"
        ):
            output.run(masked)
        assert not output.path.exists()
    else:
        output.run(masked)
        pixels = coordinates(1, 200, 300, "int32") % 100
        wanted = np.where(pixels == 11, 999999, pixels)
        np.testing.assert_array_equal(read_raster(output.path), wanted)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("uint8", -1),
        ("uint8", 256),
        ("uint8", 0.5),
        ("int16", float("nan")),
        ("int16", float("inf")),
        ("float32", 1e300),
        ("int64", 2**63),
    ],
)
def test_masked_pixels_of_a_type_that_nodata_is_not_of(
    output: Output, dtype: str, nodata: float
) -> None:
    def masked(info: Any, inputs: Any, outputs: Any) -> None:
        pixels = (inputs.image % 100).astype(dtype)
        outputs.result = np.ma.masked_array(pixels, pixels == 11)

    output.controls.setStatsIgnore(nodata)
    with pytest.raises(rioserrors.TypeConversionError) as caught:
        output.run(masked)
    for word in ("setStatsIgnore", "'result'", "new.tif", dtype, str(nodata)):
        assert word in str(caught.value)
    assert not output.path.exists()


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("uint8", 255),
        ("int8", -128),
        ("int16", -32768.0),
        ("uint32", 2**32 - 1),
        ("int64", -(2**53)),
        ("float32", -3.4028234663852886e38),
        ("float64", -1e300),
        ("float32", float("nan")),
    ],
)
def test_nodata_of_an_output(output: Output, dtype: str, nodata: float) -> None:
    output.controls.setStatsIgnore(nodata)
    output.run(cast(dtype))
    np.testing.assert_equal(output.about().nodata, nodata)
