"""Outputs as they lie on disk: driver, tiles, compression, types."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from tests.support.jobs import SmallJob, double
from tests.support.outputs import Output
from tests.support.rasters import coordinates, read_raster, write_raster


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path)


@pytest.fixture(autouse=True)
def no_defaults_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("RIOS_DFLT_"):
            monkeypatch.delenv(name)


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
    ("options", "tile"),
    [
        (["TILED=YES", "BLOCKXSIZE=48", "BLOCKYSIZE=32"], (32, 48)),
        (["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=128"], (128, 64)),
        (["BLOCKYSIZE=20"], (20, 300)),
    ],
)
def test_sizes_that_do_not_divide_the_window(
    output: Output, options: list[str], tile: tuple[int, int]
) -> None:
    output.controls.setWindowSize(64, 64)
    output.controls.setCreationOptions(options)
    output.run()
    assert output.about().tile == tile
    np.testing.assert_array_equal(read_raster(output.path), coordinates(1, 200, 300, "int32") * 2)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (["TILED"], rioserrors.ParameterError, "'TILED' of output 'result' .* is not NAME=VALUE"),
        (["BLOCKXSIZE=many"], rioserrors.ParameterError, "BLOCKXSIZE=many"),
        (["BLOCKXSIZE=0"], rioserrors.ParameterError, "BLOCKXSIZE=0"),
        (["TILED=YES", "BLOCKXSIZE=8", "BLOCKYSIZE=8"], rioserrors.ImageOpenError, "BLOCKXSIZE=8"),
        (["ZLEVEL=99"], rioserrors.ParameterError, "ZLEVEL=99 .* whole number from 1 up to 12"),
        (["ZLEVEL=abc"], rioserrors.ParameterError, "ZLEVEL=abc of output 'result'"),
        (["ZSTD_LEVEL=77"], rioserrors.ParameterError, "from 1 up to 22"),
        (["NBITS=40"], rioserrors.ParameterError, "NBITS=40 .* from 1 up to 32"),
        (["MAX_Z_ERROR=wide"], rioserrors.ParameterError, "takes a number from 0"),
        (["TILED=MAYBE"], rioserrors.ParameterError, "TILED=MAYBE .* takes YES, NO"),
        (["NUM_THREADS=abc"], rioserrors.ParameterError, "NUM_THREADS=abc .* or ALL_CPUS"),
        (["NUM_THREADS=0"], rioserrors.ParameterError, "whole number from 1 or ALL_CPUS"),
        (["COMPRESS=WEBP", "INTERLEAVE=BAND"], rioserrors.ParameterError, "INTERLEAVE=PIXEL"),
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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["LEVEL=99"], "LEVEL=99 of output 'result'"),
        (["COMPRESS=DEFLATE", "LEVEL=15"], "COMPRESS=DEFLATE takes a whole number from 1 up to 12"),
        (["BLOCKSIZE=64"], "from 128"),
    ],
)
def test_numbers_that_a_cog_does_not_take(output: Output, options: list[str], words: str) -> None:
    output.controls.setOutputDriverName("COG")
    output.controls.setCreationOptions(options)
    with pytest.raises(rioserrors.ParameterError, match=words):
        output.run()
    assert not output.path.exists()


def test_numbers_that_drivers_take(output: Output) -> None:
    output.controls.setCreationOptions(
        ["COMPRESS=LERC_ZSTD", "ZSTD_LEVEL=+3", "MAX_Z_ERROR=1e-3", "NUM_THREADS=all_cpus"]
    )
    output.run()
    output.controls.setOutputDriverName("COG")
    output.controls.setCreationOptions(["COMPRESS=ZSTD", "LEVEL=15", "NUM_THREADS=2"])
    output.run()
    np.testing.assert_array_equal(read_raster(output.path), coordinates(1, 200, 300, "int32") * 2)


@pytest.mark.parametrize(
    ("name", "driver", "other"),
    [
        ("x.nc", None, "netCDF"),
        ("x.PNG", None, "PNG"),
        ("x.gpkg", None, "GPKG"),
        ("x.nc", "HFA", ""),
        ("x.img", None, ""),
        ("x.out", None, ""),
        ("x", None, ""),
    ],
)
def test_an_extension_of_another_driver(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, driver: str | None, other: str
) -> None:
    output = Output(tmp_path, name)
    if driver is not None:
        output.controls.setOutputDriverName(driver)
    output.run()
    assert output.about().driver == "HFA"
    said = [record.message for record in caplog.records if "setOutputDriverName" in record.message]
    assert len(said) == bool(other)
    for word in ("'result'", name, "is written as HFA", other):
        assert all(word in message for message in said)


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


@pytest.mark.parametrize("driver", ["GTIFF", "gtiff"])
def test_the_environment_may_name_a_driver_in_any_case(
    output: Output, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    monkeypatch.setenv(f"RIOS_DFLT_CREOPT_{driver}", "COMPRESS=PACKBITS")
    made = Output(output.path.parent)
    made.run()
    assert made.structure()["COMPRESSION"] == "PACKBITS"


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


@pytest.mark.parametrize("name", ["out.tif", "out.img", "out.zarr", "cog.tif", "out.dat"])
def test_tags(tmp_path: Path, name: str) -> None:
    job = SmallJob(tmp_path)
    job.outfiles.result = tmp_path / name
    job.controls.setStatsIgnore(None)
    if name == "cog.tif":
        job.controls.setOutputDriverName("COG")
    elif name == "out.dat":
        job.controls.setOutputDriverName("ENVI")
    tags = {"PROCESSOR": "a=b", "two words": "\u00b5 < 5\nline", "AREA_OR_POINT": "Point"}
    job.controls.setTags(tags, imagename="result")
    job.run(double)
    with rasterio.open(tmp_path / name) as out, rasterio.open(tmp_path / "in.tif") as source:
        assert tags.items() <= out.tags().items()
        # a point is the centre of a pixel, and no pixel moves by that
        assert out.transform == source.transform
        np.testing.assert_array_equal(out.read(), source.read() * 2)


def test_too_few_names(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.controls.setLayerNames(["only"])

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = np.concatenate([inputs.image, inputs.image])

    with pytest.raises(rioserrors.ParameterError, match="2 bands, and 1 name was given"):
        job.run(function)
    assert job.files() == job.before


def test_a_raster_without_crs(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.infiles.image = write_raster(tmp_path / "plain.tif", job.pixels, crs=None)
    job.run()
    with rasterio.open(tmp_path / "out.tif") as out:
        assert out.crs is None
        assert out.res == (30, 30)
