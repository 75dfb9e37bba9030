"""What a format does not keep of an output is told, or the output is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from tests.support.copies import Copy
from tests.support.rasters import Array, coordinates, read_raster
from tests.support.styles import STYLES


def scene(bands: int = 2, dtype: str = "int16") -> Array:
    return np.random.default_rng(5).integers(1, 120, (bands, 1100, 1300)).astype(dtype)


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


def test_a_name_that_a_format_does_not_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = Copy(tmp_path, np.full((1, 40, 50), 7, "uint8"), "out.x")
    job.controls.setOutputDriverName("ERS")
    job.run()
    assert "cannot be opened as ERS by that name" in caplog.text


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
