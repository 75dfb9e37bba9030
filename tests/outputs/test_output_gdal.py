"""What GDAL's own programs, and so QGIS, see of outputs: gdalinfo of the system, not rasterio's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.copies import Copy

needs_gdalinfo = pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="gdal-bin is missing")
pytestmark = needs_gdalinfo


def info_of(path: Path, *options: str) -> dict[str, Any]:
    command = ["gdalinfo", "-json", *options, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("name", ["out.tif", "out.img", "cog.tif"])
def test_what_gdalinfo_tells(tmp_path: Path, name: str) -> None:
    pixels = np.random.default_rng(4).integers(1, 40, (1, 770, 1026)).astype("uint8")
    job = Copy(tmp_path, pixels, name)
    if name == "cog.tif":
        job.controls.setOutputDriverName("COG")
    job.controls.setWindowSize(256, 256)
    job.controls.setThematic(True)
    job.controls.setAutoColorTableType("rainbow")
    job.controls.setLayerNames(["land cover"])
    job.controls.setDefaultHistogram(True)
    job.run()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    info = info_of(job.path, "-stats", "-hist")
    band = info["bands"][0]
    # it had nothing to compute, and so nothing to write
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert info["size"] == [1026, 770]
    assert band["description"] == "land cover"
    assert band["noDataValue"] == 0
    assert [item["size"] for item in band["overviews"]] == [[257, 193]]
    tags = band["metadata"][""]
    assert tags["LAYER_TYPE"] == "thematic"
    assert float(tags["STATISTICS_MEAN"]) == pytest.approx(pixels.mean(), rel=1e-12)
    assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(pixels.std(), rel=1e-12)
    assert band["minimum"] == 1
    assert band["maximum"] == 39
    assert band["mean"] == pytest.approx(pixels.mean(), abs=1e-3)
    assert band["stdDev"] == pytest.approx(pixels.std(), abs=1e-3)
    assert band["colorInterpretation"] == "Palette"
    assert len(band["colorTable"]["entries"]) >= 40
    buckets = band["histogram"]["buckets"]
    assert buckets == np.bincount(pixels.ravel(), minlength=40).tolist()
    assert band["histogram"]["min"] == -0.5
    assert band["histogram"]["max"] == 39.5


@pytest.mark.parametrize("name", ["out.tif", "out.img"])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_a_default_histogram(tmp_path: Path, name: str, dtype: str) -> None:
    pixels = np.random.default_rng(4).normal(-50, 300, (2, 200, 300)).astype(dtype)
    job = Copy(tmp_path, pixels, name)
    job.controls.setStatsIgnore(None)
    job.controls.setDefaultHistogram(True)
    job.controls.setExactHistogram(True)
    job.run()
    for number, band in enumerate(info_of(job.path, "-hist")["bands"]):
        told, tags = band["histogram"], job.tags(number + 1)
        counts = [int(text) for text in tags["STATISTICS_HISTOBINVALUES"].split("|")[:-1]]
        assert told["buckets"] == counts
        assert sum(counts) == 60000
        if name == "out.tif":
            # for HFA, GDAL makes edges of its own from the histogram inside the file
            assert told["min"] == float(tags["STATISTICS_HISTOMIN"])
            assert told["max"] == float(tags["STATISTICS_HISTOMAX"])


@pytest.mark.parametrize(
    ("dtype", "value"), [("uint8", 0), ("int16", 7), ("uint32", 2**32 - 1), ("float32", -7.5)]
)
def test_one_value_in_an_hfa_file(tmp_path: Path, dtype: str, value: float) -> None:
    job = Copy(tmp_path, np.full((1, 90, 90), value, dtype), "out.img")
    job.controls.setStatsIgnore(None)
    job.run()
    told, tags = info_of(job.path, "-hist")["bands"][0]["histogram"], job.tags()
    # GDAL takes the tags for middles of bins, and divides by the bins less one
    assert told["buckets"] == [8100, 0]
    assert told["min"] == value - 0.5
    assert told["max"] == value + 1.5
    assert tags["STATISTICS_HISTOBINVALUES"] == "8100|0|"
    for name in ("MINIMUM", "MAXIMUM", "MEAN", "MEDIAN", "MODE", "HISTOMIN"):
        assert float(tags[f"STATISTICS_{name}"]) == value


def test_no_side_car_file_unless_it_is_asked_for(tmp_path: Path) -> None:
    job = Copy(tmp_path, np.ones((1, 90, 90), "uint8"))
    job.run()
    assert not Path(f"{job.path}.aux.xml").exists()
