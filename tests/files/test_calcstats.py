"""Statistics and pyramids of files that exist already."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from rios_flows import colortable, rioserrors
from rios_flows.files import colorrows as rat
from rios_flows.files import measuring as wholefile
from rios_flows.files import statistics as calcstats
from rios_flows.geometry.grid import BlockGrid
from rios_flows.reducers.statistics import RasterStatistics
from tests.support.finished import tags_of, write


class Progress:
    def __init__(self, stop_at: int = 1000) -> None:
        self.heard: list[Any] = []
        self._stop_at = stop_at

    def setProgress(self, percent: int) -> None:
        self.heard.append(percent)

    def setLabelText(self, text: str) -> None:
        self.heard.append(text)

    def reset(self) -> None:
        self.heard.append("reset")

    def wasCancelled(self) -> bool:
        return self.heard[-1] >= self._stop_at  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["a.tif", "a.img"])
def test_all_at_once(tmp_path: Path, name: str) -> None:
    raster = np.random.default_rng(30).integers(0, 99, (2, 600, 700)).astype(np.int16)
    path = write(tmp_path / name, raster)
    progress = Progress()
    calcstats.calcStats(str(path), progress, ignore=0)
    with rasterio.open(path) as dataset:
        assert dataset.nodata == 0
        assert dataset.overviews(2) == [4]
    for band in (1, 2):
        tags, valid = tags_of(path, band), raster[band - 1][raster[band - 1] != 0]
        assert float(tags["STATISTICS_MEAN"]) == pytest.approx(valid.mean(), rel=1e-12)
        assert tags["STATISTICS_EXCLUDEDVALUES"] == "0"
        assert sum(map(int, tags["STATISTICS_HISTOBINVALUES"].split("|")[:-1])) == valid.size
    assert progress.heard[:3] == ["reset", "Computing Pyramid Layers...", 100]
    assert progress.heard[3:5] == ["reset", "Computing Statistics..."]
    assert progress.heard[5:] == sorted(progress.heard[5:])
    assert progress.heard[-1] == 100


def test_of_an_open_dataset(tmp_path: Path) -> None:
    raster = np.random.default_rng(31).normal(0, 9, (1, 600, 700)).astype(np.float32)
    path = write(tmp_path / "a.tif", raster, float("nan"))
    with rasterio.open(path, "r+") as dataset:
        calcstats.calcStats(dataset, levels=[2, 3], minoverviewdim=200, aggregationType="average")
    with rasterio.open(path) as dataset:
        assert dataset.overviews(1) == [2]
    assert float(tags_of(path)["STATISTICS_MINIMUM"]) == raster.min()
    assert tags_of(path)["STATISTICS_EXCLUDEDVALUES"] == "nan"


def test_approximately(tmp_path: Path) -> None:
    raster = np.random.default_rng(32).normal(100, 9, (1, 1500, 1600)).astype(np.float32)
    path = write(tmp_path / "a.tif", raster)
    calcstats.addStatistics(path, approx_ok=True)
    tags = tags_of(path)
    assert tags["STATISTICS_APPROXIMATE"] == "YES"
    assert float(tags["STATISTICS_MEAN"]) == pytest.approx(100, abs=0.1)
    counts = [int(text) for text in tags["STATISTICS_HISTOBINVALUES"].split("|")[:-1]]
    assert sum(counts) <= wholefile.APPROXIMATE_PIXELS


def test_one_without_the_other(tmp_path: Path) -> None:
    raster = np.stack([np.arange(100), np.full(100, 7)]).reshape(2, 10, 10).astype(np.uint16)
    path = write(tmp_path / "a.tif", raster, 7)
    assert calcstats.addBasicStatsGDAL(path) == [(0, 99), None]
    assert "STATISTICS_MEDIAN" not in tags_of(path)
    calcstats.addHistogramsGDAL(path)
    assert tags_of(path)["STATISTICS_MEDIAN"] == "50"
    assert not [name for name in tags_of(path, 2) if name.startswith("STATISTICS")]


def test_classes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.full((1, 20, 20), 3, np.int32))
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(1, LAYER_TYPE="thematic")
    calcstats.addStatistics(path)
    assert tags_of(path)["STATISTICS_HISTOBINVALUES"] == "0|0|0|400|"


def test_complex_pixels_are_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 20, 20), np.complex64))
    assert calcstats.addBasicStatsGDAL(path) == [None]


def test_cancelled(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 2000, 600), np.uint8))
    with pytest.raises(rioserrors.ProcessCancelledError):
        calcstats.addStatistics(path, Progress(stop_at=50))


def test_unknown_overviews(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 2000, 600), np.uint8))
    with pytest.raises(
        rioserrors.ParameterError, match=r"a\.tif' are made by 'FANCY'; use one of NEAREST"
    ):
        calcstats.addPyramid(path, aggregationType="FANCY")


@pytest.mark.parametrize("dtype", ["int16", "float32", "uint32", "int64"])
@pytest.mark.parametrize("thematic", [False, True])
def test_the_same_numbers_as_in_the_single_pass(tmp_path: Path, dtype: str, thematic: bool) -> None:
    rng = np.random.default_rng(33)
    raster = (rng.random((1, 700, 900)) * (9e4 if not thematic else 900)).astype(dtype)
    raster[:, :200, :300] = 5
    made = RasterStatistics(raster.dtype, 1, nodata=5, thematic=thematic)
    for block in BlockGrid(900, 700, (128, 256)):
        rows = slice(block.top, block.top + block.nrows)
        made.add(block, raster[:, rows, block.left : block.left + block.ncols])
    path = write(tmp_path / "a.tif", raster)
    with rasterio.open(path) as dataset:
        how = wholefile.MeasureOptions(raster.dtype, nodata=5, thematic=thematic)
        found = wholefile.statistics_of(dataset, 1, replace(how, window=(128, 256)))
        again = wholefile.statistics_of(dataset, 1, how)
        assert found is not None
        assert again is not None
        exact = wholefile.recounted(dataset, 1, found, how)
    assert repr(made.finish()[0]) == repr(found)
    assert again.mean == pytest.approx(found.mean, rel=1e-14)
    assert again.stddev == pytest.approx(found.stddev, rel=1e-14)
    assert exact.histogram is not None
    assert found.histogram is not None
    valid = np.sort(raster[raster != 5].astype(np.float64))
    counts, bins = exact.histogram.counts, exact.histogram.bins
    assert counts.sum() == valid.size
    if dtype == "float32" and not thematic:
        edges = np.linspace(bins.minimum, bins.maximum, 257)
        expected, _ = np.histogram(valid, edges)
        np.testing.assert_array_equal(counts, expected)
    difference = np.abs(np.cumsum(counts) - np.cumsum(found.histogram.counts)).max()
    assert difference <= 0.005 * valid.size
    if found.histogram.bins.direct and dtype != "float32":
        np.testing.assert_array_equal(counts, found.histogram.counts)


def test_no_levels_are_no_overviews(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 600, 700), np.uint8))
    calcstats.addPyramid(path, levels=[])
    with rasterio.open(path) as dataset:
        assert dataset.overviews(1) == []


def test_levels_in_any_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 600, 700), np.uint8))
    calcstats.addPyramid(path, levels=[8, 4, 2, 4], minoverviewdim=100)
    with rasterio.open(path) as dataset:
        assert dataset.overviews(1) == [2, 4]


@pytest.mark.parametrize("levels", [[1, 2], [0], [2.5], "24"])
def test_levels_that_are_none(tmp_path: Path, levels: Any) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 600, 700), np.uint8))
    with pytest.raises(rioserrors.ParameterError, match=r"a\.tif' are made of levels="):
        calcstats.addPyramid(path, levels=levels)


def test_a_progress_object_of_one_method(tmp_path: Path) -> None:
    class Plain:
        def __init__(self) -> None:
            self.heard: list[int] = []

        def setProgress(self, percent: int) -> None:
            self.heard.append(percent)

    path = write(tmp_path / "a.tif", np.ones((2, 600, 700), np.uint8))
    progress = Plain()
    calcstats.calcStats(path, progress)
    assert progress.heard[0] == progress.heard[-1] == 100
    assert progress.heard[1:] == sorted(progress.heard[1:])
    with pytest.raises(rioserrors.ParameterError, match="setProgress"):
        calcstats.calcStats(path, progress=object())


def test_what_is_no_raster_for_changes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 20, 20), np.uint8))
    with (
        rasterio.open(path) as dataset,
        pytest.raises(rioserrors.ParameterError, match=r"a\.tif' is open for reading only"),
    ):
        calcstats.calcStats(dataset)
    with pytest.raises(rioserrors.ParameterError, match="give a file name"):
        calcstats.calcStats(object())  # type: ignore[arg-type, unused-ignore]


def test_several_overviews_of_wide_integers(tmp_path: Path) -> None:
    raster = np.random.default_rng(3).integers(1, 2**40, (1, 300, 290))
    path = write(tmp_path / "a.tif", raster, 0)
    calcstats.addPyramid(path, levels=[2, 4, 8], minoverviewdim=10)
    with rasterio.open(path) as dataset:
        assert dataset.overviews(1) == [2, 4, 8]
        np.testing.assert_array_equal(dataset.read(), raster)
    path = write(tmp_path / "b.tif", raster, 0)
    with (
        rasterio.open(path, "r+") as dataset,
        pytest.raises(rioserrors.ImageWriteError, match="give it by its name"),
    ):
        calcstats.addPyramid(dataset, levels=[2, 4, 8], minoverviewdim=10)


@pytest.mark.parametrize(
    ("driver", "name", "options"),
    [
        ("JPEG", "a.jpg", {"QUALITY": "95"}),
        ("JP2OpenJPEG", "a.jp2", {"QUALITY": "100", "REVERSIBLE": "YES"}),
        ("WEBP", "a.webp", {"LOSSLESS": "YES"}),
        ("PNG", "a.png", {}),
        ("GIF", "a.gif", {}),
        ("AAIGrid", "a.asc", {}),
        ("XYZ", "a.xyz", {}),
        ("USGSDEM", "a.dem", {}),
    ],
)
def test_files_that_would_be_made_anew(
    tmp_path: Path, driver: str, name: str, options: dict[str, str]
) -> None:
    bands = 3 if driver in ("JPEG", "WEBP") else 1
    dtype = np.int16 if driver == "USGSDEM" else np.uint8
    raster = np.random.default_rng(5).integers(1, 200, (bands, 300, 310)).astype(dtype)
    source, path = write(tmp_path / "source.tif", raster), tmp_path / name
    rasterio.shutil.copy(str(source), str(path), driver=driver, **options)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    changes: list[Callable[[Path], object]] = [
        calcstats.calcStats,
        calcstats.addPyramid,
        calcstats.addStatistics,
        calcstats.addHistogramsGDAL,
        lambda file: calcstats.setNullValue(file, 3),
        lambda file: colortable.setTable(file, colortable.genTable(5, "Blues")),
        lambda file: rat.setColorTable(file, [[1, 2, 3, 4]]),
    ]
    for change in changes:
        with pytest.raises(
            rioserrors.ImageOpenError, match=rf"{name}': files of the driver {driver} cannot be"
        ):
            change(path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_nothing_is_read_of_a_file_that_cannot_be_changed(tmp_path: Path) -> None:
    source, path = write(tmp_path / "a.tif", np.ones((1, 300, 310), np.uint8)), tmp_path / "a.png"
    rasterio.shutil.copy(str(source), str(path), driver="PNG")
    progress = Progress()
    with pytest.raises(rioserrors.ImageOpenError, match="PNG"):
        calcstats.addStatistics(path, progress)
    assert progress.heard == []


LIMITED = """
import resource, signal, sys
from rios_flows import rioserrors
from rios_flows.files import statistics as calcstats

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    getattr(calcstats, sys.argv[1])(sys.argv[2])
except rioserrors.ImageWriteError as error:
    print("refused:", error)
"""


@pytest.mark.parametrize("name", ["a.tif", "a.img"])
@pytest.mark.parametrize("function", ["addPyramid", "addStatistics", "calcStats"])
def test_a_file_that_may_not_grow(tmp_path: Path, name: str, function: str) -> None:
    raster = np.random.default_rng(3).integers(1, 60000, (1, 1500, 1500)).astype(np.uint16)
    path = write(tmp_path / name, raster)
    limit = str(path.stat().st_size + 2000)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, function, str(path), limit],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.startswith("refused: Unable to"), done.stdout + done.stderr
    assert path.name in done.stdout
    assert "is the disk full" in done.stdout
