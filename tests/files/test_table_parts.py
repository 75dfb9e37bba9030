"""The parts of which attribute tables are made, by themselves."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import calcstats, rioserrors
from rios_flows import rat as of_rios
from rios_flows.files import cells, rat
from rios_flows.files.attributes import Table
from rios_flows.files.keptrows import rows_kept
from rios_flows.gdal.tables import copied
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage
from tests.support.rasters import coordinates, write_raster


def test_a_table_in_memory() -> None:
    with copied(None) as empty:
        table = Table(empty, "nowhere")
        assert (table.rows, table.columns) == (0, [])
        table.set_rows(300)
        made = table.need(Column("area", ColumnType.Real, ColumnUsage.Generic))
        assert made == table.need(made) == table.column("area")
        table.write("area", np.arange(100) / 4, 150)
        values = table.read("area")
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values[150:250], np.arange(100) / 4)
        assert not values[:150].any()
        np.testing.assert_array_equal(table.read("area", 152, 3), [0.5, 0.75, 1.0])
        with pytest.raises(rioserrors.AttributeTableColumnError, match=r"'length'.*'area'"):
            table.read("length")
        with pytest.raises(rioserrors.ParameterError, match="rows 299 to 300"):
            table.read("area", 299, 2)
        with pytest.raises(rioserrors.ArrayShapeError, match="too many for 300 rows"):
            table.write("area", [1, 2], 299)
        with copied(empty) as again:
            table.set_rows(10)
            assert Table(again, "elsewhere").rows == 300


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, -5], ColumnType.Integer),
        ([True, False], ColumnType.Integer),
        ([2**31], ColumnType.Real),
        ([0.5], ColumnType.Real),
        (["a", "bc"], ColumnType.String),
    ],
)
def test_types_of_cells(values: list[Any], kind: ColumnType) -> None:
    given = cells.cells_of(values)
    assert cells.type_of(given) is kind
    kept = cells.fitting(given, kind)
    assert [x.decode() if isinstance(x, bytes) else x for x in kept] == values


def test_rows_that_a_histogram_would_cut_off(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.img", coordinates(1, 40, 30, "uint8"), driver="HFA")
    rat.writeColumn(path, "number", np.arange(1000))
    calcstats.calcStats(str(path), ignore=0)
    np.testing.assert_array_equal(rat.readColumn(path, "number"), np.arange(1000))
    with rows_kept(str(path), [None]):
        pass
    np.testing.assert_array_equal(rat.readColumn(path, "number"), np.arange(1000))


def test_rios_names_are_handed_on() -> None:
    assert of_rios.readColumn is rat.readColumn
    assert set(rat.__all__) <= set(dir(of_rios))
    assert inspect.signature(rat.writeColumn).parameters
