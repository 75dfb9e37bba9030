"""Zarr stores as outputs: directories in place of files."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
import zarr

from rios_flows import rioserrors
from tests.support.copies import Copy
from tests.support.rasters import Array, coordinates, read_raster
from tests.support.styles import STYLES


def scene(bands: int = 2, dtype: str = "int16") -> Array:
    return np.random.default_rng(5).integers(1, 120, (bands, 1100, 1300)).astype(dtype)


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


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")  # rasterio's
def test_a_zarr_store_of_one_column_has_no_position(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Copy(tmp_path, np.full((1, 40, 1), 7, "uint8"), "out.zarr").run()
    (said,) = {record.message for record in caplog.records}
    assert "Zarr has not kept the position of its pixels" in said


def test_a_default_histogram_of_a_store_is_not_to_be_had(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = Copy(tmp_path, scene(1), "out.zarr")
    job.controls.setDefaultHistogram(True)
    with caplog.at_level(logging.WARNING):
        job.run()
    assert "No default histogram for" in caplog.text


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


@pytest.mark.filterwarnings("ignore:Both zarr.json:zarr.errors.ZarrUserWarning")
@pytest.mark.filterwarnings("ignore:Object at:zarr.errors.ZarrUserWarning")
@pytest.mark.parametrize(
    "options",
    [
        ["FORMAT=ZARR_V2"],
        ["FORMAT=ZARR_V3"],
        ["FORMAT=ZARR_V3", "COMPRESS=BLOSC", "BLOSC_SHUFFLE=BIT"],
        ["FORMAT=ZARR_V3", "COMPRESS=GZIP"],
        ["FORMAT=ZARR_V3", "COMPRESS=ZSTD"],
        ["FORMAT=ZARR_V3", "CHUNK_MEMORY_LAYOUT=F"],
        ["FORMAT=ZARR_V3", "INTERLEAVE=PIXEL"],
    ],
)
@pytest.mark.parametrize(
    ("dtype", "nodata", "bands"),
    [
        ("int16", -5, 2),
        ("float32", float("nan"), 1),
        ("uint8", None, 2),
        ("float32", None, 1),
        ("complex64", None, 2),
    ],
)
def test_stores_open_with_zarr_and_xarray(
    options: list[str], dtype: str, nodata: float | None, bands: int, tmp_path: Path
) -> None:
    pixels = scene(bands, dtype)[:, :70, :90]
    # of these GDAL leaves out whole chunks
    pixels[:, 32:64, 32:64] = nodata or 0
    job = Copy(tmp_path, pixels, "out.zarr")
    job.controls.setStatsIgnore(nodata)
    job.controls.setCreationOptions(
        [*options, "BLOCKSIZE=32,32" if bands == 1 else "BLOCKSIZE=1,32,32"]
    )
    job.run()
    np.testing.assert_array_equal(read_raster(job.path), pixels)
    group = zarr.open_group(job.path, mode="r")
    assert group.metadata.zarr_format == (2 if options == ["FORMAT=ZARR_V2"] else 3)
    array = np.asarray(group["out"])
    if "INTERLEAVE=PIXEL" in options and bands > 1:
        array = array.transpose(2, 0, 1)
    np.testing.assert_array_equal(np.atleast_3d(array.T).T, pixels)
    found = xr.open_zarr(job.path, consolidated=False)["out"]
    assert set(found.dims) == ({"Y", "X", "Band"} if bands > 1 else {"Y", "X"})
    with rasterio.open(job.path) as dataset:
        x, y = dataset.xy(3, 5)
    assert (float(found.X[5]), float(found.Y[3])) == (x, y)
    if nodata is not None:
        expected = (pixels == nodata) | (pixels != pixels)
        assert int(found.isnull().sum()) == int(expected.sum()) > 0


@pytest.mark.parametrize("option", ["COMPRESS=LZMA", "FILTER=DELTA"])
def test_what_version_3_has_no_codec_for(option: str, tmp_path: Path) -> None:
    job = Copy(tmp_path, scene(1), "out.zarr")
    job.controls.setCreationOptions(["FORMAT=ZARR_V3", option])
    with pytest.raises(rioserrors.ParameterError, match=f"'result'.*version 3 has no {option[:6]}"):
        job.run()
    assert not job.path.exists()
