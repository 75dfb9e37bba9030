"""GDAL's block cache is as large as a job needs it: nothing is decoded, or compressed, twice."""

from __future__ import annotations

import ctypes
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.env
from rasterio.transform import from_origin
from rasterio.windows import Window

from rios_flows import engine
from rios_flows.controls.controls import ApplierControls
from rios_flows.gdal import settings as gdalenv
from rios_flows.gdal.private import GDAL
from rios_flows.structures import FilenameAssociations
from tests.support.rasters import read_raster, write_raster
from tests.support.styles import STYLES

STRIPED = {"compress": "lzw", "blockysize": 1}
MIB = 2**20


@pytest.fixture(autouse=True)
def small_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes 64 MiB in large rasters, takes 1 MiB here."""
    monkeypatch.delenv("GDAL_CACHEMAX", raising=False)
    monkeypatch.setattr(gdalenv, "CACHE_BYTES", MIB)


class Job:
    """Copies a wide raster, window by window, and notes the bound of the cache."""

    def __init__(self, folder: Path, **profile: Any) -> None:
        self.pixels = np.random.default_rng(0).integers(0, 300, (4, 256, 3000)).astype("float32")
        self.infiles, self.outfiles = FilenameAssociations(), FilenameAssociations()
        self.infiles.image = write_raster(folder / "in.tif", self.pixels, **profile)
        self.path = self.outfiles.copy = folder / "out.tif"
        self.controls = ApplierControls()
        self.controls.setWindowSize(128, 128)
        self.controls.setOmitPyramids(True)
        self.bounds: list[int] = []

    def copy(self, info: Any, inputs: Any, outputs: Any) -> None:
        self.bounds.append(int(rasterio.env.get_gdal_config("GDAL_CACHEMAX")))
        outputs.copy = inputs.image

    def run(self, style: str = "none") -> None:
        self.controls.setOutputDriverName("GTiff")
        self.controls.setConcurrencyStyle(STYLES[style])
        engine.apply(self.copy, self.infiles, self.outfiles, controls=self.controls)
        np.testing.assert_array_equal(read_raster(self.path), self.pixels)


def test_strips_of_an_input_stay(tmp_path: Path) -> None:
    job = Job(tmp_path, **STRIPED)
    before = int(rasterio.env.get_gdal_config("GDAL_CACHEMAX"))
    job.run()
    row = 3000 * 128 * 4 * 4
    assert 2 * row < job.bounds[0] < 4 * row + 20 * MIB
    assert int(rasterio.env.get_gdal_config("GDAL_CACHEMAX")) == before


def test_each_lane_that_reads_has_room(tmp_path: Path) -> None:
    job = Job(tmp_path, **STRIPED)
    job.run()
    one = job.bounds.pop()
    job.run("threads 2-2")
    assert job.bounds[-1] > one + 3000 * 128 * 4 * 4


def test_whole_tiles_need_none(tmp_path: Path) -> None:
    job = Job(tmp_path, tiled=True, blockxsize=128, blockysize=128)
    job.run()
    assert set(job.bounds) == {MIB}


def test_strips_of_an_output_are_written_once(tmp_path: Path) -> None:
    job = Job(tmp_path, tiled=True, blockxsize=128, blockysize=128)
    job.controls.setCreationOptions(["TILED=NO", "COMPRESS=LZW"])
    job.run()
    # a strip that is written again lies at the end of the file, and leaves a hole
    with rasterio.open(tmp_path / "at once.tif", "w", **profile_of(job.path)) as dataset:
        dataset.write(job.pixels)
    assert job.path.stat().st_size < 1.1 * (tmp_path / "at once.tif").stat().st_size
    assert set(job.bounds) == {MIB}


def profile_of(path: Path) -> dict[str, Any]:
    with rasterio.open(path) as dataset:
        profile: dict[str, Any] = dataset.profile
        return profile


def test_there_is_a_limit_and_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gdalenv, "MOST_OF_BEFORE", 0.001)
    caplog.set_level(logging.WARNING)
    job = Job(tmp_path, **STRIPED)
    job.run()
    assert max(job.bounds) < 10 * MIB
    (said,) = {text for text in caplog.messages if "setWindowSize" in text}
    assert f"that of '{job.infiles.image}' (input 'image')" in said
    assert "blocks of 3000 x 1 pixels" in said


def test_the_user_may_know_better(tmp_path: Path) -> None:
    job = Job(tmp_path, **STRIPED)
    with rasterio.Env(GDAL_CACHEMAX=3 * MIB):
        job.run()
    assert set(job.bounds) == {3 * MIB}


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("interleave", ["PIXEL", "BAND"])
@pytest.mark.parametrize("tiled", [True, False])
def test_whole_blocks_of_a_tiff_pass_by_the_cache(
    tmp_path: Path, bands: int, interleave: str, tiled: bool
) -> None:
    """So another lane never writes them, whose failures the writer would not hear of."""
    used = GDAL.GDALGetCacheUsed64
    used.restype = ctypes.c_int64
    shape: dict[str, Any] = {"width": 300, "height": 200, "count": bands, "dtype": "uint8"}
    shape["transform"] = from_origin(1000, 2000, 10, 10)
    tiles = {"tiled": True, "blockxsize": 64, "blockysize": 64} if tiled else {"blockysize": 64}
    with rasterio.open(
        tmp_path / "a.tif", "w+", driver="GTiff", interleave=interleave, **shape, **tiles
    ) as dataset:
        before = used()
        for top in range(0, 200, 64):
            rows = min(64, 200 - top)
            dataset.write(np.ones((bands, rows, 300), "uint8"), window=Window(0, top, 300, rows))
            assert used() == before
