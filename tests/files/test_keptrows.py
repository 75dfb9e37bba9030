"""Tables of HFA files that are as long as histograms and colour tables, and lose nothing by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import calcstats, colortable, rat, rioserrors
from rios_flows.files import keptrows
from rios_flows.rat import ColumnUsage
from tests.support.rasters import coordinates, write_raster

COLORS = colortable.genTable(60, "viridis")


def raster(path: Path, dtype: str, rows: int) -> Path:
    """Make a file with values from 1 to 149, and a table."""
    write_raster(path, coordinates(1, 40, 30, dtype), driver="HFA")
    with rasterio.open(path, "r+") as dataset:
        dataset.write(np.resize(np.arange(1, 150), (1, 40, 30)).astype(dtype))
    rat.writeColumn(path, "number", np.arange(rows) + 1000)
    rat.writeColumn(path, "text", [f"é{row}" for row in range(rows)])
    return path


def check(path: Path, rows: int, least: int) -> None:
    """Check that the columns have their values, and blanks where there were none."""
    numbers = rat.readColumn(path, "number").tolist()
    texts = rat.readColumn(path, "text", useStringDType=True).tolist()
    assert len(numbers) == len(texts) >= max(rows, least)
    rest = len(numbers) - rows
    assert numbers == [*range(1000, 1000 + rows), *[0] * rest]
    assert texts == [*(f"é{row}" for row in range(rows)), *[""] * rest]


def changed(path: Path, is_open: bool, change: Any) -> None:
    if not is_open:
        change(path)
        return
    with rasterio.open(path, "r+") as dataset:
        change(dataset)


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("rows", [10, 60, 300])
def test_colours_and_histograms(tmp_path: Path, rows: int, dtype: str, is_open: bool) -> None:
    path = raster(tmp_path / "a.img", dtype, rows)
    # all that is not classes: colours, then a histogram, then both again
    for _ in range(2):
        changed(path, is_open, lambda place: colortable.setTable(place, COLORS))
        check(path, rows, 60)
        changed(path, is_open, lambda place: calcstats.calcStats(place, ignore=0))
        check(path, rows, 149)
        np.testing.assert_array_equal(colortable.getTable(path)[:, :60], COLORS)
        assert not colortable.getTable(path)[:3, 60:].any()
        counts = rat.readColumn(path, "Histogram")
        assert counts.sum() == 1200
    assert rat.getUsageOfColumn(path, "Opacity") is ColumnUsage.Alpha


def test_colours_before_a_longer_table(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.img", coordinates(1, 40, 30, "uint16"), driver="HFA")
    colortable.setTable(path, COLORS)
    rat.writeColumn(path, "number", np.arange(100) + 1000)
    rat.writeColumn(path, "text", [f"é{row}" for row in range(100)])
    check(path, 100, 100)
    np.testing.assert_array_equal(colortable.getTable(path)[:, :60], COLORS)


def test_a_histogram_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = raster(tmp_path / "a.img", "uint16", 300)

    def full(dataset: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(keptrows, "flush", full)
    with (
        rasterio.open(path, "r+") as dataset,
        pytest.raises(rioserrors.ImageWriteError, match=r"histograms of '.*no room"),
    ):
        calcstats.calcStats(dataset, ignore=0)
