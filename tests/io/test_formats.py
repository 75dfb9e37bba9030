"""Outputs as they lie on disk: driver, tiles, compression, types."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.controls import ApplierControls
from tests.jobs import SmallJob, double
from tests.rasters import Array, coordinates, read_raster, write_raster


class About(NamedTuple):
    """What a file tells of itself; ``tile`` is rows and columns."""

    driver: str
    tile: tuple[int, int]
    nodata: float | None


class Output:
    """One output of a run over 200 x 300 pixels."""

    def __init__(self, folder: Path, name: str = "new.tif") -> None:
        self.job = SmallJob(folder)
        self.job.infiles.image = write_raster(folder / "big.tif", coordinates(1, 200, 300, "int32"))
        self.path = folder / name
        self.job.outfiles.result = self.path
        self.job.controls = ApplierControls()

    @property
    def controls(self) -> ApplierControls:
        return self.job.controls

    def run(self, function: Callable[..., None] = double) -> None:
        self.job.run(function)

    def about(self) -> About:
        with rasterio.open(self.path) as dataset:
            return About(dataset.driver, dataset.block_shapes[0], dataset.nodata)

    def structure(self) -> dict[str, str]:
        with rasterio.open(self.path) as dataset:
            return dict(dataset.tags(ns="IMAGE_STRUCTURE"))


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path)


@pytest.fixture(autouse=True)
def no_defaults_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("RIOS_DFLT_"):
            monkeypatch.delenv(name)


# GTiff


@pytest.mark.parametrize(
    ("window", "tile"),
    [
        # columns and rows of a window, rows and columns of a tile
        ((256, 128), (128, 256)),
        ((64, 64), (64, 64)),
        ((96, 48), (48, 96)),
        # the whole raster in one block: one tile, rounded up to 16
        ((300, 200), (208, 304)),
        ((1000, 1000), (208, 304)),
        # no multiple of 16 divides it
        ((100, 50), (256, 256)),
        ((33, 64), (64, 256)),
    ],
)
def test_a_gtiff_is_tiled_after_the_window_and_deflated(
    output: Output, window: tuple[int, int], tile: tuple[int, int]
) -> None:
    output.controls.setWindowSize(*window)
    output.run()
    about = output.about()
    assert about.driver == "GTiff"
    assert about.tile == tile
    assert output.structure()["COMPRESSION"] == "DEFLATE"
    assert output.structure()["INTERLEAVE"] == "BAND"
    np.testing.assert_array_equal(read_raster(output.path), coordinates(1, 200, 300, "int32") * 2)


def test_sizes_of_the_user(output: Output) -> None:
    output.controls.setWindowSize(64, 128)
    output.controls.setCreationOptions(
        ["TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=64", "COMPRESS=LZW", "INTERLEAVE=PIXEL"]
    )
    output.run()
    assert output.about().tile == (64, 32)
    assert output.structure()["COMPRESSION"] == "LZW"


def test_the_size_that_is_not_given_follows_the_window(output: Output) -> None:
    output.controls.setWindowSize(64, 48)
    output.controls.setCreationOptions(["TILED=YES", "BLOCKXSIZE=32"])
    output.run()
    assert output.about().tile == (48, 32)
    assert "COMPRESSION" not in output.structure()


def test_strips_of_the_user(output: Output) -> None:
    output.controls.setWindowSize(300, 40)
    output.controls.setCreationOptions(["TILED=NO", "BLOCKYSIZE=20"])
    output.run()
    assert output.about().tile == (20, 300)


def test_no_options_at_all(output: Output) -> None:
    output.controls.setCreationOptions([])
    output.run()
    # GDAL's strips of about 8 kB
    assert output.about().tile == (6, 300)
    assert "COMPRESSION" not in output.structure()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["TILED=YES", "BLOCKXSIZE=48"], ["BLOCKXSIZE=48", "64 x 64", "'result'", "new.tif"]),
        (["TILED=YES", "BLOCKYSIZE=128"], ["BLOCKYSIZE=128", "64 x 64"]),
        (["BLOCKYSIZE=20"], ["BLOCKYSIZE=20", "setWindowSize"]),
    ],
)
def test_sizes_that_do_not_divide_the_window(
    output: Output, options: list[str], words: list[str]
) -> None:
    output.controls.setWindowSize(64, 64)
    output.controls.setCreationOptions(options)
    with pytest.raises(rioserrors.ImageOpenError) as caught:
        output.run()
    assert all(word in str(caught.value) for word in words)
    assert not output.path.exists()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (["TILED"], rioserrors.ParameterError, "'TILED' of output 'result' is not NAME=VALUE"),
        (["BLOCKXSIZE=many"], rioserrors.ParameterError, "BLOCKXSIZE=many"),
        (["BLOCKXSIZE=0"], rioserrors.ParameterError, "BLOCKXSIZE=0"),
        (["TILED=YES", "BLOCKXSIZE=8", "BLOCKYSIZE=8"], rioserrors.ImageOpenError, "BLOCKXSIZE=8"),
    ],
)
def test_options_that_make_no_sense(
    output: Output, options: list[str], error: type[Exception], words: str
) -> None:
    output.controls.setWindowSize(64, 64)
    output.controls.setCreationOptions(options)
    with pytest.raises(error, match=words):
        output.run()
    assert not output.path.exists()


# drivers


@pytest.mark.parametrize(
    ("name", "driver"),
    [
        ("new.tif", "GTiff"),
        ("new.TIFF", "GTiff"),
        ("new.img", "HFA"),
        ("new", "HFA"),
        ("new.dat", "HFA"),
    ],
)
def test_driver_by_the_name_of_the_file(tmp_path: Path, name: str, driver: str) -> None:
    output = Output(tmp_path, name)
    output.run()
    assert output.about().driver == driver
    np.testing.assert_array_equal(read_raster(output.path), coordinates(1, 200, 300, "int32") * 2)


def test_hfa_is_compressed(tmp_path: Path) -> None:
    def plain(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image // 1000

    output = Output(tmp_path, "new.img")
    output.run(plain)
    small = output.path.stat().st_size
    output.controls.setCreationOptions([])
    output.run(plain)
    assert small < output.path.stat().st_size / 2


def test_driver_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIOS_DFLT_DRIVER", "GTiff")
    output = Output(tmp_path, "new.img")
    output.run()
    assert output.about().driver == "GTiff"
    # what the user says in the script wins
    output.controls.setOutputDriverName("HFA")
    output.run()
    assert output.about().driver == "HFA"


def test_drivers_of_single_outputs(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.outfiles.more = [tmp_path / "more-0.tif", tmp_path / "more-1.tif"]
    job.controls.setOutputDriverName("HFA", imagename="more")

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        outputs.more = [inputs.image, inputs.image]

    job.run(function)
    drivers = []
    for name in ("out.tif", "more-0.tif", "more-1.tif"):
        with rasterio.open(tmp_path / name) as dataset:
            drivers.append(dataset.driver)
    assert drivers == ["GTiff", "HFA", "HFA"]


def test_a_driver_that_is_not_there(output: Output) -> None:
    output.controls.setOutputDriverName("KEA")
    with pytest.raises(rioserrors.ParameterError, match=r"'KEA' of output 'result'.*GTiff, HFA"):
        output.run()


def test_creation_options_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIOS_DFLT_CREOPT_GTiff", "TILED=YES COMPRESS=PACKBITS")
    output = Output(tmp_path)
    output.run()
    assert output.structure()["COMPRESSION"] == "PACKBITS"
    output.controls.setCreationOptions(["COMPRESS=LZW"])
    output.run()
    assert output.structure()["COMPRESSION"] == "LZW"
    monkeypatch.setenv("RIOS_DFLT_CREOPT_GTiff", "None")
    output = Output(tmp_path)
    output.run()
    assert "COMPRESSION" not in output.structure()


# types


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


def test_masked_pixels_without_nodata_have_the_arrays_own_value(output: Output) -> None:
    def masked(info: Any, inputs: Any, outputs: Any) -> None:
        pixels = (inputs.image % 100).astype("uint8")
        outputs.result = np.ma.masked_array(pixels, pixels == 11, fill_value=99)

    output.controls.setStatsIgnore(None)
    output.run(masked)
    pixels = coordinates(1, 200, 300, "int32") % 100
    np.testing.assert_array_equal(read_raster(output.path), np.where(pixels == 11, 99, pixels))
    assert output.about().nodata is None


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("uint8", -1),
        ("uint8", 256),
        ("uint8", 0.5),
        ("int16", float("nan")),
        ("int16", float("inf")),
        ("float32", 1e300),
        # GDAL would write it as 9.22e18, and read 9
        ("int64", -(2**63)),
    ],
)
@pytest.mark.parametrize("masked", [False, True])
def test_nodata_that_the_type_cannot_have(
    output: Output, dtype: str, nodata: float, masked: bool
) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        pixels = (inputs.image % 100).astype(dtype)
        outputs.result = np.ma.masked_array(pixels, pixels == 11) if masked else pixels

    output.controls.setStatsIgnore(nodata)
    with pytest.raises(rioserrors.ParameterError) as caught:
        output.run(function)
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


# what else an output tells


def test_grid_names_and_layer_type(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.outfiles.classes = tmp_path / "classes.img"
    job.controls.setLayerNames(["low", "high"], imagename="result")
    job.controls.setThematic(True, imagename="classes")

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = np.concatenate([inputs.image, inputs.image + 1])
        outputs.classes = (inputs.image % 3).astype("uint8")

    job.run(function)
    with rasterio.open(tmp_path / "in.tif") as source, rasterio.open(tmp_path / "out.tif") as out:
        assert out.descriptions == ("low", "high")
        assert out.transform == source.transform
        assert out.crs == source.crs
        assert out.shape == source.shape
        assert "LAYER_TYPE" not in out.tags(1)
    with rasterio.open(tmp_path / "classes.img") as out:
        assert out.tags(1)["LAYER_TYPE"] == "thematic"
        assert out.crs is not None


def test_too_few_names(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.controls.setLayerNames(["only"])

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = np.concatenate([inputs.image, inputs.image])

    with pytest.raises(rioserrors.ParameterError, match="2 bands, and 1 names were given"):
        job.run(function)
    assert job.files() == job.before


def test_a_raster_without_crs(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.infiles.image = write_raster(tmp_path / "plain.tif", job.pixels, crs=None)
    job.run()
    with rasterio.open(tmp_path / "out.tif") as out:
        assert out.crs is None
        assert out.res == (30, 30)
