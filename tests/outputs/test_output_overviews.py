"""Overviews of outputs: which, of what pixels, made when."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from tests.support.copies import Copy
from tests.support.rasters import Array
from tests.support.styles import STYLES

ROWS, COLS = 770, 1026


def scene(dtype: str = "int16") -> Array:
    return np.random.default_rng(3).integers(1, 120, (1, ROWS, COLS)).astype(dtype)


def middle(pixels: Array, level: int) -> Array:
    """Return the pixel in the middle of each cell; where that is outside, the last one."""
    rows, cols = (
        np.minimum(np.arange(0, size, level) + level // 2, size - 1) for size in pixels.shape[1:]
    )
    return pixels[:, rows[:, None], cols]


def cells(pixels: Array, level: int, row: int, col: int) -> Array:
    return pixels[0, row * level : (row + 1) * level, col * level : (col + 1) * level]


@pytest.mark.parametrize("name", ["out.tif", "out.img", "cog.tif", "out.bil"])
@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_every_cell_up_to_the_right_and_lower_edge(tmp_path: Path, name: str, style: str) -> None:
    job = Copy(tmp_path, scene(), name)
    if name != "out.tif":
        driver = {"out.img": "HFA", "cog.tif": "COG", "out.bil": "ENVI"}[name]
        job.controls.setOutputDriverName(driver)
    job.controls.setWindowSize(256, 256)
    job.controls.setOverviewMinDim(0)
    rtn = job.run(STYLES[style])
    assert rtn.singlePassMgr.doSinglePassPyramids("result")
    found = job.overviews()
    assert len(found) == 8
    for overview, level in zip(found, (4, 8, 16, 32, 64, 128, 256, 512), strict=True):
        np.testing.assert_array_equal(overview, middle(job.pixels, level))
        assert overview.min() > 0


@pytest.mark.parametrize("method", ["AVERAGE", "RMS", "MODE"])
def test_other_methods_of_the_single_pass(tmp_path: Path, method: str) -> None:
    job = Copy(tmp_path, scene("float32"))
    job.controls.setOverviewAggregationType(method)
    job.controls.setOverviewLevels([4, 8])
    rtn = job.run()
    assert rtn.singlePassMgr.doSinglePassPyramids("result")
    overview = job.overviews()[0]
    rows, cols = overview.shape[1:]
    for row, col in ((0, 0), (rows - 1, cols - 1), (rows // 2, cols // 2), (0, cols - 1)):
        part = cells(job.pixels, 4, row, col).astype("float64")
        if method == "MODE":
            values, counts = np.unique(part, return_counts=True)
            wanted = values[counts.argmax()]
        else:
            wanted = part.mean() if method == "AVERAGE" else np.sqrt((part**2).mean())
        assert overview[0, row, col] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", ["out.tif", "out.img"])
@pytest.mark.parametrize("method", ["GAUSS", "BILINEAR", "CUBIC", "CUBICSPLINE", "LANCZOS"])
def test_methods_of_gdal(tmp_path: Path, name: str, method: str) -> None:
    job = Copy(tmp_path, np.full((1, ROWS, COLS), 9, "float32"), name)
    job.controls.setOverviewAggregationType(method)
    job.controls.setOverviewLevels([2, 4])
    rtn = job.run()
    assert not rtn.singlePassMgr.doSinglePassPyramids("result")
    found = job.overviews()
    assert [overview.shape[1:] for overview in found] == [(385, 513), (193, 257)]
    for overview in found:
        assert overview.min() == pytest.approx(9, abs=1e-3)
        assert overview.max() == pytest.approx(9, abs=1e-3)


def test_pyramids_after_the_pass(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene())
    job.controls.setSinglePassPyramids(False)
    job.controls.setOverviewLevels([4])
    rtn = job.run()
    assert not rtn.singlePassMgr.doSinglePassPyramids("result")
    # GDAL takes other pixels of a cell, as in RIOS
    overview = job.overviews()[0]
    assert overview.shape == (1, 193, 257)
    assert overview.min() > 0


@pytest.mark.parametrize("driver", ["GTiff", "HFA", "COG", "BMP", "RMF"])
def test_gdal_averages_classes_and_not_their_colours(tmp_path: Path, driver: str) -> None:
    pixels = np.random.default_rng(4).integers(1, 200, (1, 200, 264)).astype("uint8")
    names = {"GTiff": "out.tif", "HFA": "out.img", "COG": "cog.tif", "BMP": "out.bmp"}
    job = Copy(tmp_path, pixels, names.get(driver, "out.dat"))
    job.controls.setOutputDriverName(driver)
    job.controls.setThematic(True)
    job.controls.setAutoColorTableType("rainbow")
    job.controls.setOverviewAggregationType("AVERAGE")
    job.controls.setOverviewLevels([4])
    job.controls.setOverviewMinDim(0)
    job.controls.setSinglePassPyramids(False)
    seen: list[object] = []
    if driver != "RMF":
        job.controls.setCallBeforeClose(lambda dataset: seen.append(dataset.colormap(1)[7]))
    job.run()
    means = pixels[0].reshape(50, 4, 66, 4).mean((1, 3))
    assert np.abs(job.overviews()[0][0] - means).max() <= 0.5
    with rasterio.open(job.path) as dataset:
        assert seen == [dataset.colormap(1)[7]] or driver == "RMF"


def test_no_pyramids(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene())
    job.controls.setOmitPyramids(True)
    job.run()
    assert job.overviews() == []


def test_which_levels(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene())
    job.run()
    # 770 // 4 = 192 is more than 128, 770 // 8 is not
    assert [overview.shape for overview in job.overviews()] == [(1, 193, 257)]


def test_levels_in_any_order(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene())
    job.controls.setOverviewLevels([8, 2, 4, 2])
    job.run()
    assert [overview.shape for overview in job.overviews()] == [(1, 385, 513), (1, 193, 257)]
    np.testing.assert_array_equal(job.overviews()[1], middle(job.pixels, 4))


@pytest.mark.parametrize("name", ["out.tif", "out.img", "out.bil"])
@pytest.mark.parametrize(
    ("levels", "shapes"),
    [([2, 61, 64], [(193, 211), (7, 7)]), ([61, 64, 100], [(7, 7), (4, 5)])],
)
def test_levels_of_one_size(
    tmp_path: Path, name: str, levels: list[int], shapes: list[tuple[int, int]]
) -> None:
    job = Copy(tmp_path, scene()[:, :385, :421], name)
    job.controls.setOutputDriverName({"out.img": "HFA", "out.bil": "ENVI"}.get(name, "GTiff"))
    job.controls.setOverviewLevels(levels)
    job.controls.setOverviewMinDim(1)
    rtn = job.run()
    assert rtn.singlePassMgr.doSinglePassPyramids("result")
    found = job.overviews()
    assert [overview.shape[1:] for overview in found] == shapes
    np.testing.assert_array_equal(found[0], middle(job.pixels, levels[0]))


def test_overviews_beyond_memory_lie_beside_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rios_flows.reducers import tilestore

    seen: list[str] = []
    real = tilestore.TileStore.__init__

    def small(self: tilestore.TileStore, directory: str | None = None, limit: int = 0) -> None:
        seen.append(os.path.realpath(str(directory)))
        real(self, directory, 1000)

    monkeypatch.setattr(tilestore.TileStore, "__init__", small)
    job = Copy(tmp_path, scene())
    job.run()
    assert seen == [str(tmp_path / ".out.tif.rios_flows")]
    np.testing.assert_array_equal(job.overviews()[0], middle(job.pixels, 4))
    assert not (tmp_path / ".out.tif.rios_flows").exists()


def test_a_format_without_room_for_pyramids(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = Copy(tmp_path, scene("float32"), "out.grd")
    job.controls.setOutputDriverName("RRASTER")
    with caplog.at_level(logging.WARNING):
        job.run()
    told = [text for text in caplog.messages if "goes without pyramids" in text]
    assert len(told) == 1
    assert "RRASTER" in told[0]
    assert job.overviews() == []
    before = job.path.read_bytes()
    job.controls.setSinglePassPyramids(True)
    with pytest.raises(rioserrors.SinglePassActionsError, match="RRASTER has no room"):
        job.run()
    assert job.path.read_bytes() == before


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@pytest.mark.parametrize("name", ["out.tif", "cog.tif", "out.bil"])
def test_several_overviews_of_wide_integers_by_gdal(tmp_path: Path, dtype: str, name: str) -> None:
    pixels = np.random.default_rng(3).integers(1, 2**40, (1, 300, 290)).astype(dtype)
    job = Copy(tmp_path, pixels, name)
    job.controls.setOutputDriverName({"cog.tif": "COG", "out.bil": "ENVI"}.get(name, "GTiff"))
    job.controls.setOverviewLevels([2, 4, 8])
    job.controls.setOverviewMinDim(10)
    job.controls.setSinglePassPyramids(False)
    job.run()
    found = job.overviews()
    assert [overview.shape[1:] for overview in found] == [(150, 145), (75, 73), (38, 37)]
    assert all(np.isin(overview, pixels).all() for overview in found)
