"""Drivers beyond GTiff and HFA: those that are refused, and what they do not tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.formats.drivers import creating_drivers, find_driver
from tests.support.copies import Copy
from tests.support.rasters import Array, coordinates, read_raster


def scene(bands: int = 2, dtype: str = "int16") -> Array:
    return np.random.default_rng(5).integers(1, 120, (bands, 1100, 1300)).astype(dtype)


def test_a_driver_that_cannot_make_overviews_first(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene(1, "uint8"), "out.rsw")
    job.controls.setOutputDriverName("RMF")
    rtn = job.run()
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)
    assert job.overviews()[0].shape == (1, 275, 325)
    assert not rtn.singlePassMgr.doSinglePassPyramids("result")


@pytest.mark.parametrize(
    ("driver", "name", "beside"),
    [
        ("ENVI", "out.bil", {"out.hdr", "out.bil.ovr", "out.bil.aux.xml"}),
        ("ERS", "out.ers", {"out", "out.ers.ovr", "out.ers.aux.xml"}),
        ("PCIDSK", "out.pix", {"out.pix.aux.xml"}),
    ],
)
def test_other_drivers(tmp_path: Path, driver: str, name: str, beside: set[str]) -> None:
    job = Copy(tmp_path, scene(), name)
    job.controls.setOutputDriverName(driver)
    job.run()
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)
    assert float(job.tags(2)["STATISTICS_MEAN"]) == pytest.approx(job.pixels[1].mean(), rel=1e-12)
    # PCIDSK drops the last cells
    half = (2, 137, 162) if driver == "PCIDSK" else (2, 138, 163)
    assert [overview.shape for overview in job.overviews()] == [(2, 275, 325), half]
    grid = {"grid-1100-1300.tif"}
    assert {path.name for path in tmp_path.iterdir()} - grid - {name} == beside


def test_drivers_that_refuse_and_do_not_say_why(tmp_path: Path) -> None:
    job = Copy(tmp_path, np.ones((1, 40, 50), "float32"), "out.dat")
    job.controls.setOutputDriverName("MFF2")
    with pytest.raises(rioserrors.ImageOpenError, match="refuses the position of the pixels"):
        job.run()
    job.controls.setOutputDriverName("BAG")
    job.controls.setOverviewMinDim(1)
    with pytest.raises(
        rioserrors.ImageWriteError, match=r"'out\.dat' cannot be opened for changes"
    ):
        job.run()


def test_kea_is_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene(), "out.kea")
    job.controls.setOutputDriverName("kea")
    with pytest.raises(rioserrors.ParameterError, match=r"'kea' .* is not in the GDAL") as caught:
        job.run()
    for word in ("'result'", "out.kea", "GTiff", "HFA", "COG", "Zarr", "ENVI"):
        assert word in str(caught.value)


@pytest.mark.parametrize("driver", ["PNG", "netCDF", "MEM", "VRT"])
def test_drivers_that_are_not_written_block_by_block(tmp_path: Path, driver: str) -> None:
    job = Copy(tmp_path, scene())
    job.controls.setOutputDriverName(driver)
    with pytest.raises(rioserrors.ParameterError, match=rf"'{driver}'.*rasterio\.shutil\.copy"):
        job.run()
    assert not job.path.exists()


def test_what_gdal_tells_of_drivers() -> None:
    assert {"GTiff", "HFA", "ENVI", "Zarr"} <= set(creating_drivers())
    assert not {"PNG", "MEM", "VRT", "netCDF", "COG", "KEA"} & set(creating_drivers())
    driver = find_driver("gtiff")
    assert driver is not None
    assert driver.name == "GTiff"
    assert "DEFLATE" in driver.options["COMPRESS"].values
    assert driver.options["BLOCKXSIZE"].kind == "int"
    assert driver.extensions == ("tif", "tiff")
    assert find_driver("KEA") is None


@pytest.mark.parametrize(
    ("driver", "name"),
    [
        ("GTiff", "o.tif"),
        ("HFA", "o.img"),
        ("COG", "o.tif"),
        ("Zarr", "o.zarr"),
        ("ENVI", "o.bil"),
        ("JP2OpenJPEG", "o.jp2"),
    ],
)
def test_every_local_format_can_be_resumed(tmp_path: Path, driver: str, name: str) -> None:
    # in a file: a value that the function uses may not change
    calls = tmp_path / "calls"

    def fails_once(info: Any, inputs: Any, outputs: Any) -> None:
        with calls.open("a") as file:
            file.write(".")
        job.function(info, inputs, outputs)
        if calls.stat().st_size == 18:
            raise ValueError("too bad")

    def made(folder: str) -> Copy:
        (tmp_path / folder).mkdir()
        job = Copy(tmp_path / folder, scene(), name)
        job.controls.setWindowSize(256, 256)
        job.controls.setOutputDriverName(driver)
        return job

    undisturbed = made("undisturbed")
    undisturbed.run()
    job = made("resumed")
    job.controls.setResume(True, 0)
    with pytest.raises(rioserrors.WorkerExceptionError):
        job.run(function=fails_once)
    assert calls.stat().st_size == 18
    job.run(function=fails_once)
    # the block that failed, and those after it
    assert calls.stat().st_size == 18 + 30 - 17
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)
    assert job.everything() == undisturbed.everything()
    assert not (job.path.parent / f".{name}.rios_flows").exists()


def test_a_file_that_takes_nothing_more(tmp_path: Path) -> None:
    job = Copy(tmp_path, coordinates(3, 20, 30, "int16"))
    job.controls.setCreationOptions(["STREAMABLE_OUTPUT=YES"])
    with pytest.raises(rioserrors.ImageWriteError, match=r"finish '.*out\.tif'.*output 'result'"):
        job.run()
    assert not job.path.exists()


def test_a_driver_that_makes_no_band(tmp_path: Path) -> None:
    job = Copy(tmp_path, coordinates(3, 20, 30, "int32"), "out.mrf")
    job.controls.setOutputDriverName("MRF")
    with pytest.raises(rioserrors.ImageOpenError, match="'result'"):
        job.run()


@pytest.mark.parametrize("compression", ["BASIC", "BASIC2"])
def test_files_that_gdal_does_not_open_again(tmp_path: Path, compression: str) -> None:
    job = Copy(tmp_path, coordinates(1, 20, 30, "uint8"), "out.vic")
    job.path.write_text("what was there before")
    job.controls.setOutputDriverName("VICAR")
    job.controls.setCreationOptions([f"COMPRESS={compression}"])
    with pytest.raises(rioserrors.ImageOpenError, match=f"COMPRESS={compression} cannot .* open"):
        job.run()
    assert job.path.read_text() == "what was there before"
