"""Statistics and histograms of outputs, against numpy on the whole array."""

from __future__ import annotations

import logging
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows.files.measuring import APPROXIMATE_PIXELS
from rios_flows.structures import ConcurrencyStyle
from tests.support.copies import Copy
from tests.support.rasters import Array
from tests.support.styles import STYLES

#: File name by driver.
NAMES = {
    "GTiff": "out.tif", "HFA": "out.img", "COG": "cog.tif", "Zarr": "out.zarr", "ENVI": "out.bil"
}  # fmt: skip
WHOLE = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = ["float32", "float64"]

CASES = [
    (driver, dtype, nodata)
    for driver in NAMES
    for dtype in (*WHOLE, *FLOATS)
    for nodata in (None, 0, -5, math.nan)
    if not (driver == "HFA" and dtype in ("int64", "uint64"))
    if not (driver == "ENVI" and dtype == "int8")
    if not (dtype in WHOLE and nodata is not None and math.isnan(nodata))
    if not (dtype.startswith("uint") and nodata == -5)
]


def scene(dtype: str, nodata: float | None) -> Array:
    """Return two bands with values of all sizes and signs, some of them nodata."""
    rng = np.random.default_rng(7)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        pixels = (rng.normal(-3, 40, (2, 90, 130)) * 1000).astype(dtype)
    else:
        limits = np.iinfo(kind)
        low, high = max(limits.min, -(2**40)), min(limits.max, 2**32)
        spread = rng.normal(0.55, 0.1, (2, 90, 130)).clip(0, 1)
        pixels = (low + spread * (high - low)).astype(dtype)
    if nodata is not None:
        pixels[:, 40:70, 100:] = nodata
        pixels[0, ::7, ::5] = nodata
    return pixels


def valid_of(pixels: Array, nodata: float | None) -> Array:
    flat = pixels.reshape(-1)
    if nodata is None:
        return flat
    return flat[~np.isnan(flat)] if math.isnan(nodata) else flat[flat != nodata]


def counts_of(tags: dict[str, str]) -> Array:
    return np.array([int(text) for text in tags["STATISTICS_HISTOBINVALUES"].split("|")[:-1]])


def edges_of(tags: dict[str, str], whole: bool) -> list[Any]:
    """Return the smallest value of each bin but the first."""
    number = int(tags["STATISTICS_HISTONUMBINS"])
    convert = int if whole else float
    low, high = convert(tags["STATISTICS_HISTOMIN"]), convert(tags["STATISTICS_HISTOMAX"])
    if tags["STATISTICS_HISTOBINFUNCTION"] == "direct":
        return [low + index for index in range(1, number)]
    step = (high - low) / number
    return [low + (int(index * step) if whole else index * step) for index in range(1, number)]


def exact_counts(tags: dict[str, str], valid: Array) -> Array:
    whole = valid.dtype.kind in "iu"
    ordered = np.sort(valid)
    edges = np.array(edges_of(tags, whole), valid.dtype if whole else np.float64)
    below = np.searchsorted(ordered.astype(edges.dtype), edges)
    return np.diff(np.concatenate([[0], below, [valid.size]]))


def check(job: Copy, band: int, nodata: float | None, exactly: bool) -> None:
    tags, valid = job.tags(band), valid_of(job.pixels[band - 1], nodata)
    convert = int if valid.dtype.kind in "iu" else float
    assert convert(tags["STATISTICS_MINIMUM"]) == valid.min()
    assert convert(tags["STATISTICS_MAXIMUM"]) == valid.max()
    exact = valid.tolist()
    mean = math.fsum(exact) / valid.size
    stddev = math.sqrt(math.fsum((value - mean) ** 2 for value in exact) / valid.size)
    assert float(tags["STATISTICS_MEAN"]) == pytest.approx(mean, rel=1e-12)
    assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(stddev, rel=1e-12)
    # HFA has the tag always
    assert bool(tags.get("STATISTICS_EXCLUDEDVALUES")) == (nodata is not None)
    counts, wanted = counts_of(tags), exact_counts(tags, valid)
    assert counts.sum() == valid.size
    if exactly:
        np.testing.assert_array_equal(counts, wanted)
    else:
        off = np.abs(np.cumsum(counts) - np.cumsum(wanted)).max()
        assert off <= 0.01 * valid.size


@pytest.mark.parametrize(("driver", "dtype", "nodata"), CASES)
def test_statistics_of_an_output(
    tmp_path: Path, driver: str, dtype: str, nodata: float | None
) -> None:
    job = Copy(tmp_path, scene(dtype, nodata), NAMES[driver])
    job.controls.setOutputDriverName(driver)
    job.controls.setStatsIgnore(nodata)
    job.run(STYLES["threads 2-2"])
    for band in (1, 2):
        check(job, band, nodata, exactly=np.dtype(dtype).itemsize <= 2)


@pytest.mark.parametrize("name", ["out.tif", "out.img"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32"])
def test_classes(tmp_path: Path, name: str, dtype: str) -> None:
    pixels = np.random.default_rng(1).choice([0, 1, 7, 30], (1, 90, 130)).astype(dtype)
    job = Copy(tmp_path, pixels, name)
    job.controls.setThematic(True)
    job.run()
    tags = job.tags()
    assert tags["LAYER_TYPE"] == "thematic"
    assert tags["STATISTICS_HISTOBINFUNCTION"] == "direct"
    valid = pixels[pixels != 0]
    np.testing.assert_array_equal(counts_of(tags), np.bincount(valid, minlength=31))
    assert tags["STATISTICS_MODE"] == str(np.bincount(valid).argmax())
    assert tags["STATISTICS_MEDIAN"] == str(int(np.median(valid)))


@pytest.mark.parametrize("dtype", ["int16", "uint32", "float32"])
def test_neither_style_nor_order_of_blocks_matters(tmp_path: Path, dtype: str) -> None:
    found = []
    for number, style in enumerate(STYLES.values()):
        job = Copy(tmp_path, scene(dtype, 0), f"out-{number}.tif")
        job.controls.setOverviewLevels([2, 4, 8])
        job.controls.setOverviewMinDim(4)
        job.controls.setOverviewAggregationType("AVERAGE")
        job.run(style)
        found.append(job.everything())
    assert found[0][1]
    assert all(other == found[0] for other in found[1:])


@pytest.mark.parametrize("dtype", ["int16", "uint32", "float64"])
@pytest.mark.parametrize("thematic", [False, True])
def test_the_finished_file_gives_the_same(tmp_path: Path, dtype: str, thematic: bool) -> None:
    pixels = np.abs(scene(dtype, 0)) % 3000
    found = []
    for single in (True, False):
        job = Copy(tmp_path, pixels, f"single-{single}.tif")
        job.controls.setThematic(thematic)
        job.controls.setSinglePassBasicStats(single)
        job.controls.setSinglePassHistogram(single)
        rtn = job.run()
        assert rtn.singlePassMgr.doSinglePassStatistics("result") is single
        assert rtn.singlePassMgr.doSinglePassHistogram("result") is single
        found.append(job.everything()[0])
    assert found[0] == found[1]


@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("name", ["out.tif", "out.zarr"])
def test_exact_histogram(tmp_path: Path, dtype: str, name: str) -> None:
    job = Copy(tmp_path, scene(dtype, -5), name)
    job.controls.setStatsIgnore(-5)
    job.controls.setExactHistogram(True)
    job.run()
    check(job, 1, -5, exactly=True)
    check(job, 2, -5, exactly=True)


@pytest.mark.parametrize("name", ["out.tif", "out.img", "out.zarr"])
def test_a_histogram_that_the_single_pass_is_not_sure_of(tmp_path: Path, name: str) -> None:
    pixels = np.random.default_rng(3).choice([100.001, 100.002, 100.003], (2, 800, 700))
    # the second of 256 bins begins at 100.0015
    pixels[:, 7, [0, 9]] = 0, 256 * 100.0015
    pixels[1, :10] = np.random.default_rng(4).normal(9, 1, (10, 700))
    job = Copy(tmp_path, pixels, name)
    job.controls.setWindowSize(256, 256)
    job.controls.setStatsIgnore(None)
    job.run(STYLES["threads 2-2"])
    first = int((pixels[0] < 100.0015).sum())
    counts = [int(float(count)) for count in histogram_of(job)]
    assert counts == [first, pixels[0].size - first - 1, *[0] * 253, 1]
    found = job.tags()
    job.controls.setExactHistogram(True)
    job.run()
    assert job.tags() == found
    # who insists gets what one pass can tell
    job.controls.setExactHistogram(False)
    job.controls.setSinglePassHistogram(True)
    job.run()
    assert sum(map(float, histogram_of(job))) == pixels[0].size
    assert histogram_of(job) != found["STATISTICS_HISTOBINVALUES"].split("|")[:-1]


def histogram_of(job: Copy) -> list[str]:
    return job.tags()["STATISTICS_HISTOBINVALUES"].split("|")[:-1]


def test_what_is_left_out(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene("float32", None))
    job.controls.setOmitBasicStats(True)
    job.run()
    assert "STATISTICS_MEAN" not in job.tags()
    assert "STATISTICS_HISTOBINVALUES" in job.tags()
    job.controls.setOmitBasicStats(False)
    job.controls.setOmitHistogram(True)
    job.run()
    assert "STATISTICS_MEAN" in job.tags()
    assert "STATISTICS_HISTOBINVALUES" not in job.tags()
    job.controls.setOmitBasicStats(True)
    job.run()
    assert not any(name.startswith("STATISTICS") for name in job.tags())


def test_approximate_statistics(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).normal(500, 20, (1, 1300, 1100)).astype("float32")
    job = Copy(tmp_path, pixels)
    job.controls.setWindowSize(256, 256)
    job.controls.setApproxStats(True)
    rtn = job.run()
    tags = job.tags()
    assert tags["STATISTICS_APPROXIMATE"] == "YES"
    assert float(tags["STATISTICS_MEAN"]) == pytest.approx(500, abs=1)
    assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(20, abs=0.5)
    assert not rtn.singlePassMgr.doSinglePassStatistics("result")


@pytest.mark.parametrize("name", ["out.tif", "out.img", "cog.tif"])
@pytest.mark.parametrize("single", [None, False])
def test_approximate_statistics_off_overviews(
    tmp_path: Path, name: str, single: bool | None
) -> None:
    pixels = np.random.default_rng(2).integers(100, 200, (2, 2600, 2500)).astype("int16")
    job = Copy(tmp_path, pixels, name)
    job.controls.setOutputDriverName({"out.img": "HFA", "cog.tif": "COG"}.get(name, "GTiff"))
    job.controls.setWindowSize(512, 512)
    job.controls.setOverviewLevels([2, 4])
    job.controls.setSinglePassPyramids(single)
    job.controls.setApproxStats(True)
    job.run()
    for band in (1, 2):
        tags = job.tags(band)
        assert float(tags["STATISTICS_MEAN"]) == pytest.approx(149.5, abs=0.5)
        assert (tags["STATISTICS_MINIMUM"], tags["STATISTICS_MAXIMUM"]) == ("100", "199")
        assert counts_of(tags).sum() <= APPROXIMATE_PIXELS


@pytest.mark.parametrize("approximate", [True, False])
def test_a_default_histogram_tells_whether_it_is_approximate(
    tmp_path: Path, approximate: bool
) -> None:
    job = Copy(tmp_path, np.random.default_rng(2).integers(5, 99, (1, 80, 70)).astype("int16"))
    job.controls.setDefaultHistogram(True)
    job.controls.setApproxStats(approximate)
    job.run()
    beside = Path(f"{job.path}.aux.xml").read_text()
    assert f"<Approximate>{int(approximate)}</Approximate>" in beside


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_hfa_says_nothing_wrong_of_what_was_left_out(tmp_path: Path, dtype: str) -> None:
    job = Copy(tmp_path, np.random.default_rng(2).integers(5, 99, (1, 80, 70)).astype(dtype))
    job.path = job.outfiles.result = tmp_path / "out.img"
    job.controls.setOmitBasicStats(True)
    job.run()
    tags = job.tags()
    # a file that has a histogram has all of it
    assert float(tags["STATISTICS_MINIMUM"]) == job.pixels.min()
    assert float(tags["STATISTICS_MEAN"]) == pytest.approx(job.pixels.mean(), rel=1e-12)
    assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(job.pixels.std(), rel=1e-12)
    job.controls.setOmitBasicStats(False)
    job.controls.setOmitHistogram(True)
    job.run()
    tags = job.tags()
    assert (tags["STATISTICS_MEDIAN"], tags["STATISTICS_MODE"]) == ("nan", "nan")
    assert float(tags["STATISTICS_MEAN"]) == pytest.approx(job.pixels.mean(), rel=1e-12)


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("omit", [True, False])
def test_a_warning_of_pixels_that_are_no_numbers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, single: bool, omit: bool
) -> None:
    pixels = np.ones((1, 80, 100), "float32")
    pixels[0, :3, :5], pixels[0, 70, 90] = math.nan, math.inf
    job = Copy(tmp_path, pixels)
    # what is left out cannot be insisted on
    insisted = None if single and omit else single
    job.controls.setSinglePassBasicStats(insisted)
    job.controls.setSinglePassHistogram(insisted)
    job.controls.setOmitBasicStats(omit)
    job.controls.setOmitHistogram(omit)
    with caplog.at_level(logging.WARNING):
        job.run()
    told = [record.getMessage() for record in caplog.records if "NaN" in record.getMessage()]
    assert len(told) == 1
    for word in ("'result'", "out.tif", ": 16"):
        assert word in told[0]
    caplog.clear()
    # where NaN is the nodata value, it is as it should be
    job.pixels = np.where(np.isinf(pixels), np.float32(1), pixels)
    job.controls.setStatsIgnore(math.nan)
    with caplog.at_level(logging.WARNING):
        job.run()
    assert not caplog.records


@pytest.mark.parametrize("style", [ConcurrencyStyle(), STYLES["threads 2-2"]])
def test_complex_pixels_have_no_statistics(tmp_path: Path, style: ConcurrencyStyle) -> None:
    job = Copy(tmp_path, np.full((1, 90, 90), 1 + 2j, "complex64"))
    job.run(style)
    assert not any(name.startswith("STATISTICS") for name in job.tags())


@pytest.mark.parametrize("ramp", ["rainbow", "gray", "random"])
@pytest.mark.parametrize("name", ["out.tif", "out.img", "cog.tif"])
def test_colours_of_classes(tmp_path: Path, ramp: str, name: str) -> None:
    from rios_flows.files.colorrows import genColorTable, getColorTable

    pixels = np.random.default_rng(1).integers(1, 31, (1, 90, 130)).astype("uint8")
    pixels[0, 0, 0] = 30
    job = Copy(tmp_path, pixels, name)
    if name.startswith("cog"):
        job.controls.setOutputDriverName("COG")
    job.controls.setThematic(True)
    job.controls.setAutoColorTableType(ramp)
    job.run()
    rows = getColorTable(str(job.path))
    np.testing.assert_array_equal(rows[:31, 1:4], genColorTable(31, ramp)[:, :3])
    # the table was set while the file was open: statistics are as they were
    check(job, 1, 0, exactly=True)


def test_a_table_of_too_many_colours_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = Copy(tmp_path, np.full((1, 90, 90), 4_000_000_000, "uint32"), "out.img")
    job.controls.setThematic(True)
    job.controls.setAutoColorTableType("gray")
    with caplog.at_level(logging.WARNING):
        job.run()
    assert "No colour table" in caplog.text
    assert "4000000000" in caplog.text


@pytest.mark.parametrize("dtype", ["uint8", "float32", "complex64"])
def test_what_a_run_returns_is_small_and_survives_a_pickle(tmp_path: Path, dtype: str) -> None:
    job = Copy(tmp_path, (np.random.default_rng(6).random((2, 500, 500)) * 200).astype(dtype))
    rtn = job.run(STYLES["threads 2-2"])
    data = pickle.dumps(rtn)
    assert len(data) < 200_000
    back = pickle.loads(data)
    assert back.singlePassMgr.doSinglePassStatistics("result") is (dtype != "complex64")
    assert back.workinggrid.getDimensions() == rtn.workinggrid.getDimensions()
    assert len(back.records) == len(rtn.records)
    kept = back.singlePassMgr.accumulators["result", None]
    if dtype == "complex64":
        assert kept == []
    else:
        assert [band.maximum for band in kept] == [
            float(job.tags(band)["STATISTICS_MAXIMUM"]) for band in (1, 2)
        ]
