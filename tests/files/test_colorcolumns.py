"""Colours as columns of attribute tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from rios_flows import colortable, rat
from rios_flows.files import colorcolumns
from rios_flows.files.attributes import Table
from rios_flows.files.colorcolumns import (
    has_color_columns,
    read_color_columns,
)
from rios_flows.gdal.tables import copied
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage
from tests.support.rasters import coordinates, write_raster


def raster(path: Path, dtype: str = "uint32") -> Path:
    driver = {".tif": "GTiff", ".img": "HFA", ".bil": "EHdr", ".dat": "ENVI"}[path.suffix]
    return write_raster(path, coordinates(2, 40, 30, dtype), driver=driver)


def test_segments_have_colours(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif")
    rat.writeColumn(path, "area", np.arange(9))
    table = colortable.genTable(3000, "viridis", ignoreVal=0)
    colortable.setTable(path, table)
    assert rat.getColumnNames(path) == ["area", "Red", "Green", "Blue", "Alpha"]
    assert rat.getUsageOfColumn(path, "Alpha") is ColumnUsage.Alpha
    np.testing.assert_array_equal(colortable.getTable(path), table)
    # alpha, too, which a colour table of a GTiff does not keep
    assert rat.getColorTable(path)[0].tolist() == [0, 0, 0, 0, 0]
    assert rat.readColumn(path, "area")[8] == 8


def test_reals_go_from_0_to_1() -> None:
    # GDAL itself makes all columns of colours integers; those of others may be real
    with copied(None) as rows:
        table = Table(rows, "nowhere")
        table.set_rows(5)
        made = table.need(Column("r", ColumnType.Real, ColumnUsage.Generic))
        table.write("r", [0, 0.2, 1, float("nan"), 7])
        assert colorcolumns._bytes(table, made).tolist() == [0, 51, 255, 0, 255]


def test_a_shorter_table_leaves_no_older_colours(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif")
    colortable.setTable(path, np.full((4, 9), 7))
    colortable.setTable(path, np.full((3, 2), 5))
    assert colortable.getTable(path)[:, :3].T.tolist() == [[5, 5, 5, 255]] * 2 + [[0] * 4]


def test_columns_beside_a_colour_table_follow_it(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif", "uint8")
    rat.writeColumn(path, "Red", [1, 2], colUsage=ColumnUsage.Red)
    assert has_color_columns(path, 1)
    assert not has_color_columns(path, 2)
    colortable.setTable(path, np.full((4, 2), 9))
    assert rat.readColumn(path, "Red")[:3].tolist() == [9, 9, 0]
    with rasterio.open(path) as dataset:
        assert dataset.colormap(1)[1][:3] == (9, 9, 9)


def test_in_an_open_dataset(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif")
    with rasterio.open(path, "r+") as dataset:
        colortable.setTable(dataset, np.full((4, 2), 9), 2)
    assert colortable.getTable(path, 2).tolist() == [[9, 9]] * 4


def test_where_neither_is_kept(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.bil", "uint16")
    with pytest.raises(colortable.ColorTableException, match="EHdr does not keep it"):
        colortable.setTable(path, np.full((4, 2), 9), 2)


def test_colour_columns_that_say_nothing(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif")
    rat.writeColumn(path, "Red", [1, 2], colUsage=ColumnUsage.Red)
    assert read_color_columns(path, 1) is None
    with pytest.raises(colortable.ColorTableMissingException):
        colortable.getTable(path)
