"""Statistics that a file has already: replaced, or gone where there is nothing to tell any more."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from rios_flows import colortable, rioserrors
from rios_flows.files import statistics as calcstats
from rios_flows.files.defaulthistograms import add_default_histograms
from rios_flows.formats.hfatree import drop_statistics
from tests.support.rasters import CRS, ORIGIN, RES, Array

DRIVERS = {"a.tif": "GTiff", "a.img": "HFA", "a.bil": "ENVI"}
SHAPE = (2, 60, 80)

#: HFA has these for every band with statistics.
SKIPS = {"STATISTICS_SKIPFACTORX", "STATISTICS_SKIPFACTORY"}


@pytest.fixture(params=DRIVERS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name = str(request.param)
    return write(tmp_path / name, scene(), DRIVERS[name])


@pytest.fixture
def hfa(tmp_path: Path) -> Path:
    return write(tmp_path / "a.img", scene(), "HFA")


def scene() -> Array:
    return np.random.default_rng(40).integers(1, 200, SHAPE).astype("uint8")


def write(path: Path, pixels: Array, driver: str) -> Path:
    bands, rows, cols = pixels.shape
    profile = {"width": cols, "height": rows, "count": bands, "crs": CRS, "nodata": 0}
    transform = from_origin(*ORIGIN, RES, RES)
    with rasterio.open(
        path, "w", driver=driver, dtype=pixels.dtype.name, transform=transform, **profile
    ) as dataset:
        dataset.write(pixels)
        dataset.update_tags(1, SENSOR="eye", LAYER_TYPE="thematic")
        dataset.set_band_description(1, "first")
    return path


def empty(path: Path, band: int) -> None:
    """Make all pixels of a band nodata."""
    with rasterio.open(path, "r+") as dataset:
        dataset.write(np.zeros(SHAPE[1:], "uint8"), band)


def statistics(path: Path, band: int = 1) -> dict[str, str]:
    with rasterio.open(path) as dataset:
        tags = dataset.tags(band)
    return {name: text for name, text in tags.items() if name.startswith("STATISTICS_")}


def told_by_gdalinfo(path: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["gdalinfo", "-json", str(path)], check=True, capture_output=True, text=True
    )
    bands: list[dict[str, Any]] = json.loads(done.stdout)["bands"]
    return bands


def test_exact_after_approximate(path: Path) -> None:
    calcstats.calcStats(path, approx_ok=True)
    assert statistics(path)["STATISTICS_APPROXIMATE"] == "YES"
    calcstats.calcStats(path)
    for band in (1, 2):
        tags = statistics(path, band)
        assert "STATISTICS_APPROXIMATE" not in tags
        assert tags["STATISTICS_SKIPFACTORX"] == "1"
    calcstats.calcStats(path, approx_ok=True)
    left = set(statistics(path)) & SKIPS
    assert left == (SKIPS if path.suffix == ".img" else set())


def test_a_band_without_valid_pixels_loses_all(path: Path) -> None:
    calcstats.calcStats(path)
    other = statistics(path, 2)
    empty(path, 1)
    calcstats.calcStats(path)
    assert statistics(path, 1) == {}
    assert statistics(path, 2) == other
    with rasterio.open(path) as dataset:
        assert dataset.tags(1)["SENSOR"] == "eye"
        assert dataset.tags(1)["LAYER_TYPE"] == "thematic"
        assert dataset.descriptions[0] == "first"
        np.testing.assert_array_equal(dataset.read(2), scene()[1])


@pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="gdal-bin is missing")
def test_what_gdalinfo_tells_of_it(path: Path) -> None:
    calcstats.calcStats(path, approx_ok=True)
    empty(path, 1)
    calcstats.calcStats(path)
    bands = told_by_gdalinfo(path)
    assert not [name for name in bands[0]["metadata"][""] if name.startswith("STATISTICS_")]
    assert not {"minimum", "maximum", "mean", "stdDev"} & bands[0].keys()
    assert bands[1]["maximum"] == scene()[1].max()
    assert "STATISTICS_APPROXIMATE" not in bands[1]["metadata"][""]


def default_histogram(path: Path, band: int = 1) -> dict[str, str] | None:
    """Return what the side-car file tells of a band's default histogram."""
    tree = ElementTree.parse(f"{path}.aux.xml")
    items = tree.findall(f"PAMRasterBand[@band='{band}']/Histograms/HistItem")
    assert len(items) <= 1
    return {item.tag: item.text or "" for item in items[0]} if items else None


@pytest.mark.parametrize("approx_ok", [False, True])
def test_a_default_histogram_is_made_anew(path: Path, approx_ok: bool) -> None:
    calcstats.calcStats(path)
    with rasterio.open(path) as dataset:
        bands = [
            calcstats.band_statistics(dataset, band, dtype="uint8", nodata=dataset.nodata)
            for band in (1, 2)
        ]
    add_default_histograms(str(path), bands)
    pixels = np.full(SHAPE[1:], 7, "uint8")
    pixels[:10] = 3
    with rasterio.open(path, "r+") as dataset:
        dataset.write(pixels, 1)
    empty(path, 2)
    calcstats.calcStats(path, approx_ok=approx_ok)
    told = default_histogram(path)
    assert told is not None
    assert told["HistCounts"] + "|" == statistics(path)["STATISTICS_HISTOBINVALUES"]
    assert told["Approximate"] == str(int(approx_ok))
    assert default_histogram(path, 2) is None
    with rasterio.open(path) as dataset:
        assert dataset.tags(1)["SENSOR"] == "eye"


def test_no_default_histogram_where_there_was_none(path: Path) -> None:
    calcstats.calcStats(path)
    beside = Path(f"{path}.aux.xml")
    assert not beside.exists() or "Histograms" not in beside.read_text()


def test_a_side_car_file_that_is_no_xml(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", scene(), "GTiff")
    beside = Path(f"{path}.aux.xml")
    beside.write_text("<PAMDataset>")
    calcstats.addStatistics(path)
    assert beside.read_text() == "<PAMDataset>"


@pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="gdal-bin is missing")
def test_a_default_histogram_that_gdal_made(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", scene(), "GTiff")
    subprocess.run(["gdalinfo", "-hist", str(path)], check=True, capture_output=True)
    calcstats.setNullValue(path, 7)
    calcstats.addStatistics(path)
    done = subprocess.run(
        ["gdalinfo", "-json", "-hist", str(path)], check=True, capture_output=True
    )
    told = json.loads(done.stdout)["bands"][0]["histogram"]["buckets"]
    assert sum(told) == (scene()[0] != 7).sum()


def test_a_histogram_never_stands_beside_older_statistics(path: Path) -> None:
    calcstats.addBasicStatsGDAL(path)
    pixels = np.full(SHAPE[1:], 7, "uint8")
    with rasterio.open(path, "r+") as dataset:
        dataset.write(pixels, 1)
    calcstats.addHistogramsGDAL(path)
    tags = statistics(path)
    assert tags["STATISTICS_MAXIMUM"] == tags["STATISTICS_MODE"] == "7"
    with rasterio.open(path, "r+") as dataset:
        dataset.write(pixels + 1, 1)
    assert calcstats.addBasicStatsGDAL(path)[0] == (8, 8)
    tags = statistics(path)
    assert tags["STATISTICS_MAXIMUM"] == tags["STATISTICS_MODE"] == "8"


def test_of_another_program(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", scene(), "GTiff")
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(1, STATISTICS_VALID_PERCENT="12", STATISTICS_OF_MINE="3")
    calcstats.addStatistics(path)
    tags = statistics(path)
    assert tags["STATISTICS_VALID_PERCENT"] == "100"
    assert "STATISTICS_OF_MINE" not in tags


def test_an_open_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", scene(), "GTiff")
    calcstats.addStatistics(path, approx_ok=True)
    empty(path, 1)
    with rasterio.open(path, "r+") as dataset:
        calcstats.calcStats(dataset)
    assert statistics(path, 1) == {}
    assert "STATISTICS_APPROXIMATE" not in statistics(path, 2)


def test_an_open_hfa_file_tells_what_it_keeps(hfa: Path, caplog: pytest.LogCaptureFixture) -> None:
    calcstats.addStatistics(hfa, approx_ok=True)
    with rasterio.open(hfa, "r+") as dataset, caplog.at_level(logging.WARNING):
        calcstats.addStatistics(dataset)
    assert not caplog.records
    assert statistics(hfa)["STATISTICS_APPROXIMATE"] == "NO"
    empty(hfa, 1)
    with rasterio.open(hfa, "r+") as dataset, caplog.at_level(logging.WARNING):
        calcstats.addStatistics(dataset)
    assert len(caplog.messages) == 1
    for word in ("Band 1", "a.img", "STATISTICS_MEAN", "give the file by its name"):
        assert word in caplog.messages[0]
    calcstats.addStatistics(hfa)
    assert statistics(hfa) == {}


def test_an_hfa_file_keeps_its_colours(hfa: Path) -> None:
    calcstats.addStatistics(hfa)
    colortable.setTable(hfa, colortable.genTable(200, "Blues"))
    empty(hfa, 1)
    calcstats.addStatistics(hfa)
    assert statistics(hfa) == {}
    kept = colortable.getTable(hfa)
    np.testing.assert_array_equal(kept[:, :200], colortable.genTable(200, "Blues"))
    # the table had a row for each bin
    assert not kept[:, 200:].any()


def test_taken_out_of_an_hfa_file(hfa: Path) -> None:
    drop_statistics(str(hfa))
    before = hfa.read_bytes()
    drop_statistics(str(hfa))
    assert hfa.read_bytes() == before
    hfa.write_bytes(b"EHFA_HEADER_TAG\0" + b"\xff" * 10)
    with pytest.raises(rioserrors.ImageWriteError, match=r"Unable to change '.*a\.img'"):
        drop_statistics(str(hfa))
    hfa.write_bytes(b"something else")
    with pytest.raises(rioserrors.ImageWriteError, match="no HFA file"):
        drop_statistics(str(hfa))


@pytest.mark.parametrize("approx_ok", [True, False])
def test_a_cancelled_run_leaves_what_there_was(path: Path, approx_ok: bool) -> None:
    class Cancelling:
        def setProgress(self, percent: int) -> None:
            pass

        def wasCancelled(self) -> bool:
            return True

    calcstats.addStatistics(path)
    before = statistics(path)
    with pytest.raises(
        rioserrors.ProcessCancelledError, match=rf"Computing Statistics.*{path.name}.*cancelled"
    ):
        calcstats.addStatistics(path, Cancelling(), approx_ok=approx_ok)
    assert statistics(path) == before
