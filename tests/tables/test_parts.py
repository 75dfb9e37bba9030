"""Controls, copies and what waits to be written, by themselves."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rat, ratapplier, rioserrors
from rios_flows.orchestration import tables
from rios_flows.tables import applying, copying
from rios_flows.tables.blocks import OutputColumns
from rios_flows.tables.controls import RCM_FIXED, RatApplierControls
from rios_flows.tables.handles import RatHandle
from rios_flows.tables.progress import Progress
from rios_flows.tables.spool import Spool
from tests.support.rasters import coordinates, write_raster


def raster(path: Path) -> Path:
    return write_raster(path, coordinates(1, 40, 30, "uint16"))


@pytest.mark.parametrize("length", [0, -1, 1.5, "many", None])
def test_lengths_that_make_no_sense(length: Any) -> None:
    controls = RatApplierControls()
    with pytest.raises(rioserrors.ParameterError, match="setBlockLength"):
        controls.setBlockLength(length)
    assert controls.blockLen == 100_000
    with pytest.raises(rioserrors.ParameterError, match="totalsize"):
        controls.outputRowCountHandling(RCM_FIXED)


def block(**columns: Any) -> OutputColumns:
    made = OutputColumns({})
    for name, values in columns.items():
        setattr(made, name, values)
    return made


def test_nothing_is_written_before_it_is_poured(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif")
    spool = Spool("a", RatHandle(path))
    spool.add(block(area=np.arange(3), name=["x", "y", "zz"]))
    spool.add(block(area=np.array([0.5, 1.5]), name=["", "last"]))
    assert spool.rows == 5
    assert rat.getColumnNames(path) == []
    with pytest.raises(rioserrors.AttributeTableColumnError, match="area, name"):
        spool.add(block(area=[1]))
    with pytest.raises(rioserrors.RatBlockLengthError, match="'area': 1, 'name': 2"):
        spool.add(block(area=[1], name=["a", "b"]))
    spool.close()
    again = Spool("a", RatHandle(path))
    again.add(block(area=np.arange(3), name=["x", "y", "zz"]))
    again.add(block(area=np.array([0.5, 1.5]), name=["", "last"]))
    again.pour(7)
    again.close()
    assert rat.readColumn(path, "area").tolist() == [0, 1, 2, 0.5, 1.5, 0, 0]
    assert rat.readColumn(path, "name").tolist() == [b"x", b"y", b"zz", b"", b"last", b"", b""]


def test_a_copy_and_what_is_left_out(tmp_path: Path) -> None:
    old, new = raster(tmp_path / "old.tif"), raster(tmp_path / "new.tif")
    rat.writeColumn(old, "area", np.arange(4) / 8)
    rat.writeColumn(old, "secret", np.arange(4))
    rat.writeColumn(new, "own", np.arange(6))
    shown: list[int] = []
    copying.copy_table(str(old), str(new), None, ["secret"], [shown.append])
    assert shown == [0, 100]
    assert sorted(rat.getColumnNames(new)) == ["area", "own"]
    assert rat.readColumn(new, "area").tolist() == [0, 0.125, 0.25, 0.375, 0, 0]
    with pytest.raises(rioserrors.ParameterError, match="are one table"):
        ratapplier.copyRAT(str(old), str(old))


def test_a_copy_that_cannot_be_changes_nothing(tmp_path: Path) -> None:
    old = raster(tmp_path / "old.tif")
    new = write_raster(tmp_path / "new.img", coordinates(1, 40, 30, "uint16"), driver="HFA")
    rat.writeColumn(new, "own", [1.5])
    rat.writeColumn(old, "first", [1, 2])
    # HFA takes it for a colour
    for name, values in (("red", [0.5, 1]), ("RED", [7, 300]), ("FIRST", [3, 4])):
        rat.writeColumn(old, name, values)
        omitted = [other for other in ("red", "RED", "FIRST") if other != name]
        with pytest.raises(rioserrors.RiosError, match=f"olumn '{name}' of band 1 of .*new.img"):
            ratapplier.copyRAT(str(old), str(new), omitColumns=omitted)
        assert rat.getColumnNames(new) == ["own"]
        assert rat.readColumn(new, "own").tolist() == [1.5]


def test_progress_in_whole_percents(caplog: pytest.LogCaptureFixture) -> None:
    shown: list[int] = []
    caplog.set_level(logging.INFO, "rios_flows")
    progress = Progress("work", "rows", 1000, [shown.append])
    for done in (0, 1, 9, 10, 250, 255, 1000):
        progress.show(done)
    assert shown == [0, 1, 25, 100]
    assert caplog.messages == ["work: 250 of 1000 rows done", "work: 1000 of 1000 rows done"]
    Progress("nothing", "rows", 0, [shown.append]).show(0)
    assert shown[-1] == 100


def test_what_is_shown_of_a_run(tmp_path: Path) -> None:
    inputs, outputs = ratapplier.RatAssociations(), ratapplier.RatAssociations()
    path = raster(tmp_path / "a.tif")
    outputs.a = RatHandle(path)
    controls, shown = RatApplierControls(), list[int]()
    controls.setBlockLength(40)
    controls.setRowCount(100)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.number = info.inputRowNumbers

    applying.run(function, inputs, outputs, None, controls, [shown.append])
    assert shown == [0, 40, 80, 100]
    assert rat.readColumn(path, "number").tolist() == list(range(100))


def test_rios_names_are_handed_on() -> None:
    assert ratapplier.apply is tables.apply
    assert ratapplier.copyRAT is tables.copyRAT
