"""Drivers beyond GTiff and HFA, and outputs that are directories."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from rios_flows import rioserrors
from rios_flows.formats.drivers import creating_drivers, find_driver
from tests.support.copies import Copy
from tests.support.rasters import Array, coordinates, read_raster
from tests.support.styles import STYLES


def scene(bands: int = 2, dtype: str = "int16") -> Array:
    return np.random.default_rng(5).integers(1, 120, (bands, 1100, 1300)).astype(dtype)


@pytest.fixture
def cog(tmp_path: Path) -> Copy:
    job = Copy(tmp_path, scene())
    job.controls.setWindowSize(256, 256)
    job.controls.setOutputDriverName("cog")
    return job


def test_cog(cog: Copy, tmp_path: Path) -> None:
    cog.controls.setLayerNames(["low", "high"])
    cog.run(STYLES["threads 2-2"])
    valid, errors, warnings = cog_validate(str(cog.path), strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    np.testing.assert_array_equal(read_raster(cog.path), cog.pixels)
    with rasterio.open(cog.path) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
        assert dataset.overviews(2) == [4, 8]
        assert dataset.descriptions == ("low", "high")
        assert dataset.nodata == 0
        assert "STATISTICS_HISTOBINVALUES" in dataset.tags(2)
    # it is copied with the overviews that were gathered
    np.testing.assert_array_equal(cog.overviews()[0], cog.pixels[:, 2::4, 2::4])
    assert {path.name for path in tmp_path.iterdir()} == {"grid-1100-1300.tif", "out.tif"}


def test_options_of_a_cog(cog: Copy) -> None:
    cog.controls.setCreationOptions(["COMPRESS=ZSTD", "BLOCKSIZE=256"])
    cog.run()
    assert cog_validate(str(cog.path), strict=True)[0]
    with rasterio.open(cog.path) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "ZSTD"
        assert dataset.block_shapes[0] == (256, 256)
    cog.controls.setCreationOptions(["TILING_SCHEME=GoogleMapsCompatible"])
    with pytest.raises(rioserrors.ParameterError, match="TILING_SCHEME of output 'result'"):
        cog.run()


@pytest.mark.parametrize(
    ("option", "levels"),
    [
        ("OVERVIEWS=NONE", []),
        ("OVERVIEWS=AUTO", [4, 8]),
        ("OVERVIEW_COUNT=1", [4]),
        ("OVERVIEW_COUNT=0", []),
        # GDAL's own
        ("OVERVIEWS=IGNORE_EXISTING", [2, 4]),
    ],
)
def test_options_for_the_overviews_of_a_cog(cog: Copy, option: str, levels: list[int]) -> None:
    cog.controls.setCreationOptions([option])
    cog.run()
    np.testing.assert_array_equal(read_raster(cog.path), cog.pixels)
    with rasterio.open(cog.path) as dataset:
        assert dataset.overviews(2) == levels


def test_a_cog_without_overviews(cog: Copy) -> None:
    cog.controls.setOmitPyramids(True)
    cog.run()
    assert cog_validate(str(cog.path))[0]
    assert cog.overviews() == []


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("nodata", [0, -7, None])
@pytest.mark.parametrize("options", [None, ["FORMAT=ZARR_V2", "COMPRESS=ZLIB", "ZLIB_LEVEL=3"]])
def test_zarr(tmp_path: Path, bands: int, nodata: float | None, options: list[str] | None) -> None:
    pixels = scene(bands)
    # a whole chunk of zeros, and one of nodata
    pixels[:, :256, :256] = 0
    pixels[:, 256:512, :256] = -7
    job = Copy(tmp_path, pixels, "out.zarr")
    job.controls.setWindowSize(256, 256)
    job.controls.setStatsIgnore(nodata)
    job.controls.setThematic(True)
    job.controls.setCreationOptions(options)
    job.run(STYLES["threads 2-2"])
    with rasterio.open(job.path) as dataset:
        assert dataset.driver == "Zarr"
        assert dataset.nodata == nodata
        assert dataset.crs.to_epsg() == 32755
        assert dataset.res == (30, 30)
        assert dataset.block_shapes == [(256, 256)] * bands
        np.testing.assert_array_equal(dataset.read(), pixels)
        tags = dataset.tags(bands)
    assert tags["LAYER_TYPE"] == "thematic"
    valid = pixels[-1].ravel() if nodata is None else pixels[-1][pixels[-1] != nodata]
    assert float(tags["STATISTICS_MEAN"]) == pytest.approx(valid.mean(), rel=1e-12)
    assert (job.path / ".zgroup").exists()


@pytest.mark.parametrize("version", ["ZARR_V2", "ZARR_V3"])
@pytest.mark.parametrize("nodata", [-3.4028234663852886e38, 1e20, 2.0**60, 2.0**53 + 2, -9999, 0.5])
def test_zarr_keeps_large_nodata_values(tmp_path: Path, version: str, nodata: float) -> None:
    job = Copy(tmp_path, scene(2, "float32")[:, :80, :90], "out.zarr")
    job.controls.setStatsIgnore(nodata)
    job.controls.setCreationOptions([f"FORMAT={version}"])
    job.run()
    with rasterio.open(job.path) as dataset:
        assert np.float32(dataset.nodata) == np.float32(nodata)


def test_a_driver_that_cannot_make_overviews_first(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene(1, "uint8"), "out.rsw")
    job.controls.setOutputDriverName("RMF")
    rtn = job.run()
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)
    assert job.overviews()[0].shape == (1, 275, 325)
    assert not rtn.singlePassMgr.doSinglePassPyramids("result")


def test_zarr_version_3(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene(2, "float32"), "out.zarr")
    job.controls.setStatsIgnore(float("nan"))
    job.controls.setCreationOptions(["FORMAT=ZARR_V3", "COMPRESS=BLOSC"])
    job.run()
    assert (job.path / "zarr.json").exists()
    with rasterio.open(job.path) as dataset:
        assert np.isnan(dataset.nodata)
        assert dataset.crs.to_epsg() == 32755
        np.testing.assert_array_equal(dataset.read(), job.pixels)


def test_a_store_replaces_a_store(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene(1), "out.zarr")
    job.run()
    (job.path / "stale").write_text("of the old one")
    job.pixels = job.pixels + 1
    job.run()
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)
    assert not (job.path / "stale").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"grid-1100-1300.tif", "out.zarr"}


def test_a_store_replaces_a_file(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene(1), "out.zarr")
    job.path.write_text("a file")
    job.run()
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)


def test_a_directory_of_the_user_is_not_replaced(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene(1), "out.zarr")
    job.path.mkdir()
    (job.path / "thesis.txt").write_text("years of work")
    with pytest.raises(rioserrors.ImageOpenError, match="no Zarr store"):
        job.run()
    assert (job.path / "thesis.txt").read_text() == "years of work"


def test_a_failed_run_leaves_the_old_store(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene(1), "out.zarr")
    job.run()

    def fails(info: object, inputs: object, outputs: object) -> None:
        raise ValueError("too bad")

    with pytest.raises(rioserrors.WorkerExceptionError):
        job.run(function=fails)
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)
    assert {path.name for path in tmp_path.iterdir()} == {"grid-1100-1300.tif", "out.zarr"}


def test_zarr_has_no_room_for_pyramids(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene(1), "out.zarr")
    rtn = job.run()
    assert rtn.singlePassMgr.directPyramidsSupported == {"result": False}
    job.controls.setSinglePassPyramids(True)
    with pytest.raises(rioserrors.SinglePassActionsError, match="Zarr has no room for pyramids"):
        job.run()


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


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")  # rasterio's
def test_a_zarr_store_of_one_column_has_no_position(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Copy(tmp_path, np.full((1, 40, 1), 7, "uint8"), "out.zarr").run()
    (said,) = {record.message for record in caplog.records}
    assert "Zarr has not kept the position of its pixels" in said


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")  # rasterio's, of PNM
@pytest.mark.parametrize(
    ("driver", "name", "dtype", "lost"),
    [
        ("PNM", "out.pgm", "uint8", ["the position of its pixels"]),
        ("VICAR", "out.vic", "int16", ["the CRS", "the position", "255, which reads as None"]),
        ("GSBG", "out.grd", "float32", ["255, which reads as 1.7"]),
        ("MFF", "out.hdr", "float32", ["the position"]),
        ("EHdr", "out.bil", "uint8", []),
        ("ENVI", "out.bil", "float32", []),
    ],
)
def test_what_a_format_does_not_keep(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    driver: str,
    name: str,
    dtype: str,
    lost: list[str],
) -> None:
    job = Copy(tmp_path, np.full((1, 40, 50), 7, dtype), name)
    job.controls.setOutputDriverName(driver)
    job.controls.setOmitPyramids(True)
    job.controls.setStatsIgnore(255)
    job.run()
    said = [record.message for record in caplog.records if "has not kept" in record.message]
    assert len(said) == bool(lost), said
    assert all(f"'result' ('{job.path}'): {driver} has not kept" in message for message in said)
    assert all(words in said[0] for words in lost), said


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")  # rasterio's, of PNM
@pytest.mark.parametrize(
    ("driver", "name", "dtype", "words"),
    [
        ("ENVI", "out.bil", "uint8", "ENVI has not kept the colour table"),
        ("MRF", "out.mrf", "uint8", "MRF has not kept the colour table"),
        ("PNM", "out.pgm", "uint8", "the colour table"),
        ("EHdr", "out.bil", "uint8", ""),
        ("GTiff", "out.tif", "float32", "only whole numbers have one, and not float32"),
        # they are too large for one, which is told of already
        ("ENVI", "out.bil", "int32", "No colour table"),
    ],
)
def test_colours_that_a_format_does_not_keep(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    driver: str,
    name: str,
    dtype: str,
    words: str,
) -> None:
    job = Copy(tmp_path, np.full((1, 40, 50), 100_000 if dtype == "int32" else 7, dtype), name)
    job.controls.setOutputDriverName(driver)
    job.controls.setThematic(True)
    job.controls.setAutoColorTableType("rainbow")
    job.run()
    said = [record.message for record in caplog.records if "colour table" in record.message]
    assert len(said) == bool(words), said
    assert all(words in message and str(job.path) in message for message in said)


@pytest.mark.parametrize(("bands", "words"), [(3, "4 bands in place of 3"), (1, "bands")])
def test_a_file_of_other_bands_than_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bands: int, words: str
) -> None:
    monkeypatch.setattr("rios_flows.formats.others.Unfaithful.refusal", None)
    job = Copy(tmp_path, scene(bands, "uint8")[:, :300, :300], "out.gpkg")
    job.path.write_text("the old one")
    job.controls.setOutputDriverName("GPKG")
    with pytest.raises(rioserrors.ImageWriteError, match=f"GPKG has made .*{words}"):
        job.run()
    assert job.path.read_text() == "the old one"
    assert not (tmp_path / ".out.gpkg.rios_flows").exists()


@pytest.mark.parametrize("driver", ["GPKG", "MBTiles"])
def test_drivers_that_keep_other_pixels(tmp_path: Path, driver: str) -> None:
    job = Copy(tmp_path, scene())
    job.controls.setOutputDriverName(driver)
    with pytest.raises(rioserrors.ParameterError, match=f"'{driver}'.* other pixels") as caught:
        job.run()
    assert f"{driver}," not in str(caught.value).partition("There are")[2]


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


def test_a_name_that_a_format_does_not_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = Copy(tmp_path, np.full((1, 40, 50), 7, "uint8"), "out.x")
    job.controls.setOutputDriverName("ERS")
    job.run()
    assert "cannot be opened as ERS by that name" in caplog.text


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


def test_a_default_histogram_of_a_store_is_not_to_be_had(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = Copy(tmp_path, scene(1), "out.zarr")
    job.controls.setDefaultHistogram(True)
    with caplog.at_level(logging.WARNING):
        job.run()
    assert "No default histogram for" in caplog.text


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


@pytest.mark.parametrize("options", [["INTERLEAVE=PIXEL"], ["INTERLEAVE=PIXEL", "BLOCKSIZE=9,8,2"]])
def test_a_store_with_the_bands_last(tmp_path: Path, options: list[str]) -> None:
    pixels = coordinates(3, 20, 30, "int16")
    job = Copy(tmp_path, pixels, "out.zarr")
    job.controls.setWindowSize(16, 16)
    job.controls.setCreationOptions(options)
    job.run(STYLES["threads 2-2"])
    np.testing.assert_array_equal(read_raster(job.path), pixels)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_differences_of_floats_are_refused(tmp_path: Path, dtype: str) -> None:
    job = Copy(tmp_path, coordinates(1, 20, 30, dtype), "out.zarr")
    job.controls.setCreationOptions(["FILTER=DELTA"])
    with pytest.raises(rioserrors.ImageOpenError, match=rf"FILTER=DELTA cannot hold .* {dtype}"):
        job.run()
    assert not job.path.exists()


def test_differences_of_integers(tmp_path: Path) -> None:
    pixels = np.array([[[255, 0, 7], [1, 254, 9]]], "uint8")
    job = Copy(tmp_path, pixels, "out.zarr")
    job.controls.setCreationOptions(["FILTER=DELTA"])
    job.run()
    np.testing.assert_array_equal(read_raster(job.path), pixels)


def mrf(folder: Path, bands: int, *options: str) -> Copy:
    job = Copy(folder, coordinates(bands, 150, 140, "float32"), "out.mrf")
    job.controls.setOutputDriverName("MRF")
    job.controls.setCreationOptions(["COMPRESS=DEFLATE", *options])
    job.controls.setOmitPyramids(True)
    return job


def test_tiles_that_mrf_would_lose_bands_of(tmp_path: Path) -> None:
    job = mrf(tmp_path, 3, "INTERLEAVE=PIXEL")
    # a tile of 512 x 512, whatever the size of the raster
    with (
        rasterio.Env(GDAL_CACHEMAX=3 << 20),
        pytest.raises(rioserrors.ImageOpenError, match=r"3 MiB, and loses.*it has 3 MiB.*18 MiB"),
    ):
        job.run()
    assert not job.path.exists()


@pytest.mark.parametrize("options", [["INTERLEAVE=BAND"], ["INTERLEAVE=PIXEL", "BLOCKSIZE=64"]])
def test_tiles_that_mrf_keeps(tmp_path: Path, options: list[str]) -> None:
    job = mrf(tmp_path, 3, *options)
    with rasterio.Env(GDAL_CACHEMAX=1 << 20):
        job.run(STYLES["threads 2-2"])
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)


def test_statistics_that_a_format_does_not_keep(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = Copy(tmp_path, coordinates(1, 20, 30, "int16"), "out.grd")
    job.controls.setOutputDriverName("RRASTER")
    job.run()
    assert "STATISTICS_MINIMUM" not in job.tags()
    assert "RRASTER has not kept the statistics" in caplog.text
    caplog.clear()
    job.controls.setOmitBasicStats(True)
    job.controls.setOmitHistogram(True)
    job.run()
    assert "has not kept" not in caplog.text


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
