"""Statistics of columns of attribute tables."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from rios_flows import calcstats, rat, rioserrors
from rios_flows.files.tablestats import ColumnStats, RatStats
from tests.support.rasters import coordinates, write_raster


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = write_raster(tmp_path / "a.tif", coordinates(1, 20, 20, "uint16"), driver="GTiff")
    with rasterio.open(path, "r+") as dataset:
        dataset.nodata = 3
    rat.writeColumn(path, "area", [1.0, 2.0, 2.0, 500.0, float("nan"), 9.0])
    rat.writeColumn(path, "name", ["a"] * 6)
    rat.writeColumn(path, "pixels", [4, 1, 1, 90, 5, 0], colUsage=1)
    return path


def test_rows_count_once(path: Path) -> None:
    stats = RatStats(str(path), ["area"])
    assert (stats.area.count, stats.area.min, stats.area.max) == (4, 1, 9)
    assert stats.area.mean == 3.5
    assert stats.area.stddev == pytest.approx(statistics.pstdev([1, 2, 2, 9]))
    assert (stats.area.median, stats.area.mode) == (2, 2)
    assert str(stats).startswith("area: mean: 3.5, stddev: ")
    with pytest.raises(AttributeError, match=r"no statistics of a column 'other'.*'area'"):
        _ = stats.other


def test_nodata_and_weights(path: Path) -> None:
    stats = RatStats(str(path), includeImageNull=True, histogramweighted=True)
    assert list(vars(stats)) == ["area", "pixels"]
    # 1 four times, 2 twice, 500 ninety times
    assert stats.area.count == 96
    assert stats.area.mean == pytest.approx((4 + 4 + 45000) / 96)
    assert (stats.area.median, stats.area.mode, stats.area.max) == (500, 500, 500)
    stats = RatStats(str(path), ["area"], histogramweighted=True)
    assert stats.area.mean == pytest.approx(8 / 6)
    assert (stats.area.count, stats.area.median) == (6, 1)


def test_one_column_and_a_list(path: Path) -> None:
    assert list(vars(RatStats(str(path), "area"))) == ["area"]
    stats = ColumnStats([1, 2, 2, 9])  # type: ignore[arg-type]
    assert (stats.mean, stats.median) == (3.5, 2)


def test_what_has_no_statistics(path: Path) -> None:
    with pytest.raises(rioserrors.AttributeTableTypeError, match=r"'name' of band 1 of .* text"):
        RatStats(str(path), ["name"])
    with pytest.raises(rioserrors.AttributeTableColumnError, match="no column 'none'"):
        RatStats(str(path), ["none"])
    with pytest.raises(rioserrors.GDALLayerNumberError, match="no band 2"):
        RatStats(str(path), layernum=2)
    empty = write_raster(path.with_name("b.tif"), coordinates(1, 9, 9, "uint8"), driver="GTiff")
    assert str(RatStats(str(empty))) == ""
    with pytest.raises(rioserrors.AttributeTableColumnError, match="no column of usage PixelCou"):
        RatStats(str(empty), histogramweighted=True)
    nothing = ColumnStats(np.array([np.nan]))
    assert (nothing.count, nothing.mean, nothing.mode) == (0, None, None)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 4)), min_size=1, max_size=20))
def test_weights_are_repetitions(rows: list[tuple[int, int]]) -> None:
    values, weights = np.array(rows).T
    stats = ColumnStats(values, weights)
    repeated = sorted(value for value, times in rows for _ in range(times))
    assert stats.count == len(repeated)
    assert stats.mean == pytest.approx(statistics.fmean(repeated))
    assert stats.stddev == pytest.approx(statistics.pstdev(repeated))
    assert stats.median == statistics.median_low(repeated)
    assert stats.mode == min(statistics.multimode(repeated))


def hfa_file(path: Path, pixels: list[list[float]], dtype: str) -> str:
    """Write an HFA file with statistics and a column of squares."""
    write_raster(path, np.array([pixels], dtype), driver="HFA")
    with rasterio.open(path, "r+") as dataset:
        calcstats.calcStats(dataset)
    rat.writeColumn(path, "square", np.arange(12.0) ** 2)
    return str(path)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
def test_a_histogram_that_does_not_begin_at_0(tmp_path: Path, dtype: str) -> None:
    file = hfa_file(tmp_path / "a.img", [[4, 4, 5], [6, 9, 9]], dtype)
    stats = RatStats(file, "square", histogramweighted=True)
    assert stats.square.count == 6
    assert stats.square.mean == pytest.approx((16 + 16 + 25 + 36 + 81 + 81) / 6)


def test_a_histogram_that_begins_below_0(tmp_path: Path) -> None:
    file = hfa_file(tmp_path / "a.img", [[-2, -2, 0], [3, 3, 8]], "int16")
    # there are no rows for what is below
    stats = RatStats(file, "square", histogramweighted=True)
    assert stats.square.count == 4
    assert stats.square.mean == pytest.approx((0 + 9 + 9 + 64) / 4)


def test_bins_of_several_values_weight_no_rows(tmp_path: Path) -> None:
    file = hfa_file(tmp_path / "a.img", [[0.5, 2.5, 7.25]], "float32")
    with pytest.raises(rioserrors.AttributeTableTypeError, match=r"bins from 0\.5 to 7\.25"):
        RatStats(file, histogramweighted=True)
    assert RatStats(file, "square").square.max == 121
