"""The share of valid pixels: by numpy's count, in GDAL's words, wherever statistics are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows.files import statistics as calcstats
from rios_flows.files.bandtags import percent_text
from tests.support.copies import Copy
from tests.support.rasters import Array, write_raster
from tests.support.styles import STYLES

TAG = "STATISTICS_VALID_PERCENT"


def scene(dtype: str, nodata: float | None) -> Array:
    """Return two bands of 100 x 140; of the first a third is nodata, of the second nothing."""
    pixels = np.random.default_rng(2).integers(1, 100, (2, 100, 140)).astype(dtype)
    pixels[0, :33] = 0 if nodata is None else nodata
    if pixels.dtype.kind == "f":
        # these do not count either
        pixels[0, 50, :70], pixels[0, 51, :7] = np.nan, np.inf
    return pixels


def percent(band: Array, nodata: float | None) -> float:
    valid = np.isfinite(band) & (band != nodata)
    return float(100 * valid.sum() / valid.size)


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (1, 1, "100"),
        (1, 3, "33.33"),
        (1, 2, "50"),
        (2, 3, "66.67"),
        (10**6 - 1, 10**6, "99.999"),
        (9994, 10**4, "99.94"),
        (1, 10**7, "1e-05"),
    ],
)
def test_in_words(part: int, whole: int, text: str) -> None:
    assert percent_text(part, whole) == text


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
@pytest.mark.parametrize("name", ["out.tif", "out.img", "out.zarr", "cog.tif", "out.bil"])
@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint8", 0), ("int16", -5), ("int32", 0), ("float32", -9999), ("float32", np.nan)],
)
def test_of_an_output(
    tmp_path: Path, style: str, name: str, dtype: str, nodata: float | None
) -> None:
    job = Copy(tmp_path, scene(dtype, nodata), name)
    if name in ("cog.tif", "out.bil"):
        job.controls.setOutputDriverName({"cog.tif": "COG", "out.bil": "ENVI"}[name])
    job.controls.setStatsIgnore(nodata)
    job.run(STYLES[style])
    for number, band in enumerate(job.pixels, 1):
        told = float(job.tags(number)[TAG])
        assert told == pytest.approx(percent(band, nodata), abs=0.005)
    assert job.tags(2)[TAG] == "100"


@pytest.mark.parametrize(
    "change",
    [
        lambda controls: controls.setSinglePassBasicStats(False),
        lambda controls: controls.setExactHistogram(True),
        lambda controls: controls.setApproxStats(True),
        lambda controls: controls.setOmitHistogram(True),
        lambda controls: controls.setStatsIgnore(None),
    ],
    ids=["read again", "exact histogram", "sample", "no histogram", "no nodata"],
)
@pytest.mark.parametrize("name", ["out.tif", "out.img"])
def test_however_it_is_made(tmp_path: Path, name: str, change: Any) -> None:
    job = Copy(tmp_path, scene("float32", 0), name)
    change(job.controls)
    job.run()
    nodata = None if job.controls.statsIgnore is None else 0
    expected = percent(job.pixels[0], nodata)
    assert float(job.tags()[TAG]) == pytest.approx(expected, abs=0.005)


def test_masked_pixels_are_not_valid(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene("int16", -5))
    job.controls.setStatsIgnore(-5)

    def masked(info: Any, inputs: Any, outputs: Any) -> None:
        job.function(info, inputs, outputs)
        outputs.result = np.ma.masked_greater(outputs.result, 50)

    job.run(function=masked)
    for number, band in enumerate(job.pixels, 1):
        expected = percent(np.where(band > 50, np.int16(-5), band), -5)
        assert float(job.tags(number)[TAG]) == pytest.approx(expected, abs=0.005)


def test_a_band_without_a_valid_pixel_has_none(tmp_path: Path) -> None:
    job = Copy(tmp_path, np.zeros((1, 80, 90), "uint8"))
    job.run()
    assert TAG not in job.tags()
    job.controls.setOmitBasicStats(True)
    job.pixels += 1
    job.run()
    assert TAG not in job.tags()


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float64"])
@pytest.mark.parametrize("driver", ["GTiff", "HFA"])
def test_of_finished_files_it_is_what_gdal_says(tmp_path: Path, driver: str, dtype: str) -> None:
    pixels = scene(dtype, 0)
    # what GDAL makes of infinite pixels is its own affair
    pixels[~np.isfinite(pixels)] = 0
    paths = [
        write_raster(tmp_path / f"{who}.img", pixels, nodata=0, driver=driver)
        for who in ("ours", "gdals")
    ]
    calcstats.calcStats(paths[0])
    with rasterio.open(paths[1], "r+") as dataset:
        dataset.update_stats()
    told = []
    for path in paths:
        with rasterio.open(path) as dataset:
            told.append([dataset.tags(band)[TAG] for band in dataset.indexes])
    assert told[0] == told[1]
    assert float(told[0][0]) == pytest.approx(percent(pixels[0], 0), abs=0.005)
