"""What an output gets beside its pixels, put into its file when that is finished."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows.basics.timing import Timers
from rios_flows.files.nodatavalues import nodata_values
from rios_flows.outputs.choices import Choices, Made, choose
from rios_flows.outputs.extras import Extras, large_part
from rios_flows.outputs.opening import create_output
from rios_flows.outputs.pyramids import begin_pyramids, finish_pyramids
from rios_flows.outputs.statistics import OutputStatistics
from rios_flows.outputs.targets import Target
from rios_flows.outputs.wholeness import check_whole
from rios_flows.reducers.statistics import BandStatistics
from rios_flows.rioserrors import SinglePassActionsError
from tests.support.rasters import Array, coordinates, read_raster, write_raster
from tests.support.targets import output_plan, target, wanted

SMALL: dict[str, Any] = {"overview_levels": (4,), "overview_min_dim": 10}


def finished(
    folder: Path, pixels: Array, before_close: Any = None, **options: Any
) -> tuple[Extras, Path]:
    """Write pixels of the grid block by block, with extras, as a run does."""
    made = target(folder / options.pop("name", "a.tif"), **(SMALL | options))
    plan, path = output_plan(made), Path(made.path)
    dataset = create_output(plan, made, str(path), wanted(pixels.dtype.name, len(pixels)))
    extras = Extras(plan, made, dataset, str(folder), before_close)
    for block in plan.blocks:
        rows = slice(block.top, block.top + block.nrows)
        part = pixels[:, rows, block.left : block.left + block.ncols]
        window = rasterio.windows.Window(block.left, block.top, block.ncols, block.nrows)
        dataset.write(part, window=window)
        extras.add(block, part)
    extras.finish(dataset, str(path), Timers())
    extras.statistics.finish_beside(str(path))
    return extras, path


def check_all(path: Path, pixels: Array, nodata: float = 0, first: int = 2) -> None:
    """Hold statistics and overview of a file against numpy's."""
    np.testing.assert_array_equal(read_raster(path), pixels)
    with rasterio.open(path) as dataset:
        for number, band in enumerate(pixels, 1):
            valid = band[band != nodata].astype("float64")
            tags = dataset.tags(number)
            assert float(tags["STATISTICS_MINIMUM"]) == valid.min()
            assert float(tags["STATISTICS_MAXIMUM"]) == valid.max()
            assert float(tags["STATISTICS_MEAN"]) == pytest.approx(valid.mean())
            assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(valid.std())
            counts = [int(text) for text in tags["STATISTICS_HISTOBINVALUES"].split("|")[:-1]]
            assert sum(counts) == valid.size
    with rasterio.open(path, OVERVIEW_LEVEL=0) as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels[:, first::4, first::4])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"single_pass_statistics": False, "single_pass_histogram": False},
        {"single_pass_pyramids": False},
        {"name": "a.img"},
    ],
    ids=["single pass", "read again", "overviews by GDAL", "HFA"],
)
def test_statistics_and_overviews(tmp_path: Path, options: dict[str, Any]) -> None:
    pixels = coordinates(2, 100, 200, "int16") % 901
    extras, path = finished(tmp_path, pixels, **options)
    # ours has the pixel right of and below the middle of each cell, GDAL's the first one
    check_all(path, pixels, first=0 if "single_pass_pyramids" in options else 2)
    made = extras.made(wanted(bands=2))
    assert (made.bands, made.changed) == (extras.gathered, False)
    chosen = made.chosen
    assert (chosen.levels, chosen.statistics, chosen.histogram) == ((4,), True, True)
    assert [band.count for band in extras.gathered if band] == [
        (each != 0).sum() for each in pixels
    ]


@pytest.mark.parametrize(
    ("shape", "dtype", "window", "part"),
    [
        # (bands, rows, cols), and columns and rows of windows and parts
        ((1, 5000, 5000), "uint8", (512, 512), (512, 512)),
        ((1, 5000, 5000), "uint8", (200, 200), (200, 200)),
        ((1, 5000, 5000), "uint8", (128, 128), (4 * 128, 128)),
        ((1, 5000, 5000), "uint8", (16, 16), (256 * 16, 16)),
        # a row of windows is not enough
        ((1, 5000, 1000), "uint8", (16, 16), (63 * 16, 4 * 16)),
        ((1, 5000, 1000), "uint8", (5000, 1), (1000, 65)),
        # 4 MiB of many bands
        ((64, 5000, 5000), "float64", (16, 16), (32 * 16, 16)),
        ((64, 5000, 5000), "float64", (512, 512), (512, 512)),
    ],
)
def test_small_blocks_are_gathered_in_parts(
    shape: tuple[int, int, int], dtype: str, window: tuple[int, int], part: tuple[int, int]
) -> None:
    assert large_part(shape, np.dtype(dtype), window) == part


def test_nothing_that_was_not_asked_for(tmp_path: Path) -> None:
    extras, path = finished(
        tmp_path,
        coordinates(1, 100, 200, "int16"),
        omit_statistics=True,
        omit_histogram=True,
        omit_pyramids=True,
    )
    with rasterio.open(path) as dataset:
        assert not [name for name in dataset.tags(1) if name.startswith("STATISTICS")]
        assert dataset.overviews(1) == []
    chosen = extras.made(wanted()).chosen
    assert (chosen.levels, chosen.statistics, chosen.histogram) == ((), False, False)
    assert extras.gathered == []


def test_what_the_caller_does_at_the_end_counts(tmp_path: Path) -> None:
    def mark(dataset: Any, word: str) -> None:
        dataset.update_tags(word=word)

    extras, path = finished(tmp_path, coordinates(1, 100, 200, "int16"), (mark, ("here",)))
    with rasterio.open(path) as dataset:
        assert dataset.tags()["word"] == "here"
    # what the caller may have changed is not looked for
    assert extras.made(wanted()).changed


def test_a_long_nodata_value_is_written_at_the_end(tmp_path: Path) -> None:
    pixels = np.full((1, 100, 200), 5, "int64")
    pixels[0, :50] = 2**60 + 1
    _, path = finished(tmp_path, pixels, nodata=2**60 + 1)
    with rasterio.open(path) as dataset:
        assert float(dataset.tags(1)["STATISTICS_MAXIMUM"]) == 5
        assert nodata_values(dataset) == (2**60 + 1,)


def test_nan_and_infinite_pixels_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pixels = coordinates(1, 100, 200, "float32")
    pixels[0, 0, :3] = np.nan, np.inf, -np.inf
    with caplog.at_level(logging.WARNING):
        finished(tmp_path, pixels)
    [told] = caplog.messages
    assert told.endswith("contains NaN or infinite pixels: 3; statistics leave them out")


def test_a_default_histogram_goes_beside_the_file(tmp_path: Path) -> None:
    finished(tmp_path, coordinates(1, 100, 200, "int16"), default_histogram=True)
    assert "<Histograms>" in (tmp_path / "a.tif.aux.xml").read_text()


@pytest.mark.parametrize("exact", [False, True])
def test_each_bin_is_counted_where_that_is_asked(tmp_path: Path, exact: bool) -> None:
    rng = np.random.default_rng(8)
    pixels = rng.normal(1000, 250, (1, 100, 200)).astype("float32")
    extras, _ = finished(
        tmp_path, pixels, exact_histogram=exact, nodata=None, single_pass_histogram=True
    )
    [band] = extras.gathered
    assert band is not None
    assert band.histogram is not None
    expected, _ = np.histogram(pixels.astype("float64"), 256)
    off = np.abs(band.histogram.counts - expected).sum()
    assert off <= (4 if exact else 400)
    assert band.histogram.counts.sum() == pixels.size


def test_a_store_that_reads_differently_each_time_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = target(tmp_path / "a.zarr", single_pass_statistics=False)
    chosen = choose(made, np.dtype("int16"), (100, 200))
    plan = output_plan(made)
    dataset = create_output(plan, made, made.path, wanted())
    statistics = OutputStatistics(made, chosen, np.dtype("int16"), (64, 32))
    results = iter([[BandStatistics(9, 9, 1, 2, 1.5, 0.5, None)], [None]])
    monkeypatch.setattr(statistics, "_measured", lambda *_: next(results))
    with pytest.raises(OSError, match="does not read the same each time; is the disk sound"):
        statistics.finish(dataset, made.path, [])


def test_a_driver_without_room_makes_overviews_later(tmp_path: Path) -> None:
    made = target(tmp_path / "a.rsw", driver="RMF", **SMALL)
    chosen = choose(made, np.dtype("uint8"), (100, 200))
    assert chosen.single_pass_pyramids
    with create_output(output_plan(made), made, made.path, wanted("uint8")) as dataset:
        dataset.write(coordinates(1, 100, 200, "uint8"))
        later = begin_pyramids(made, chosen, dataset)
    assert later == replace(chosen, single_pass_pyramids=False)
    insisted = target(tmp_path / "a.rsw", driver="RMF", single_pass_pyramids=True, **SMALL)
    with (
        rasterio.open(made.path) as dataset,
        pytest.raises(SinglePassActionsError, match="RMF has no room for pyramids that are filled"),
    ):
        begin_pyramids(insisted, chosen, dataset)


def test_a_driver_without_any_room_goes_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = target(tmp_path / "a.tif", **SMALL)
    chosen = choose(made, np.dtype("int16"), (100, 200))
    monkeypatch.setattr("rios_flows.outputs.pyramids.build_overviews", lambda *_, **__: False)
    with caplog.at_level(logging.WARNING):
        left = finish_pyramids(made, chosen, made.path, None)
    assert left == replace(chosen, levels=())
    assert "goes without pyramids: GTiff has no room for them" in caplog.text


def test_overviews_that_lack_pixels_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = target(tmp_path / "a.img", **SMALL)
    chosen = choose(made, np.dtype("int16"), (100, 200))
    path = write_raster(tmp_path / "a.img", coordinates(1, 100, 200, "int16"), driver="HFA")
    kept = finish_pyramids(made, chosen, str(path), None)
    assert kept == chosen
    sums = iter([[1], [2]])
    monkeypatch.setattr("rios_flows.outputs.pyramids._sums_of_overviews", lambda *_: next(sums))
    with pytest.raises(OSError, match="overviews lack pixels; is the disk full"):
        finish_pyramids(made, chosen, str(path), None)


def whole(made: Target, path: Path, **more: Any) -> None:
    """Look at a file of two bands of int16 that has all extras, or so many of them."""
    given = Made(wanted(bands=2), CHOSEN, [ANY, ANY], changed=False)
    check_whole(made, str(path), given._replace(**more))


ANY = BandStatistics(9, 9, 1, 2, 1.5, 0.5, None)
CHOSEN = Choices(True, True, (4,), "NEAREST", True, True, True)


@pytest.mark.parametrize("name", ["a.tif", "a.img"])
def test_a_finished_file_is_looked_at(tmp_path: Path, name: str) -> None:
    extras, path = finished(tmp_path, coordinates(2, 100, 200, "int16"), name=name)
    check_whole(target(path), str(path), extras.made(wanted(bands=2)))
    whole(target(path), path)
    for more, words in (
        ({"chosen": replace(CHOSEN, levels=(4, 8))}, "it has 1 of 2 overviews"),
        ({"expected": wanted(bands=3)}, "it has 2 bands in place of 3"),
    ):
        with pytest.raises(OSError, match=f"'{name}' is not whole: {words}; is the disk full"):
            whole(target(path), path, **more)


@pytest.mark.parametrize(
    ("omitted", "words"),
    [
        ("omit_statistics", "the statistics of band 1 are not there"),
        ("omit_histogram", "the histogram of band 1 is not there"),
    ],
)
def test_statistics_that_did_not_get_into_the_file(
    tmp_path: Path, omitted: str, words: str
) -> None:
    _, path = finished(tmp_path, coordinates(2, 100, 200, "int16"), **{omitted: True})
    with pytest.raises(OSError, match=words):
        whole(target(path), path)
    # one without a valid pixel has none, and a caller may have removed them
    whole(target(path), path, bands=[None, None])
    whole(target(path), path, changed=True)


def test_a_file_that_is_gone_or_cut_off(tmp_path: Path) -> None:
    _, path = finished(tmp_path, coordinates(2, 100, 200, "int16"))
    os.truncate(path, path.stat().st_size - 10)
    with pytest.raises(OSError, match=r"'a.tif' is not whole"):
        whole(target(path), path)
    path.unlink()
    with pytest.raises(OSError, match=r"'a.tif' was removed while it was written; leave"):
        whole(target(path), path)
