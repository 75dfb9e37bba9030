"""Functions that set nothing, no value or fewer rows in some blocks of a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rat, ratapplier, rioserrors
from rios_flows.gdal.tables import Rat
from rios_flows.rat import ColumnType
from tests.support.newcolumns import ROWS, Job
from tests.support.rasters import coordinates, write_raster


@pytest.fixture(params=[False, True])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    """Blocks wait, or are written at once."""
    made = Job(tmp_path / "a.img")
    made.controls.setWriteAtOnce(request.param)
    return made


def unless(block: int, values: Callable[[Any], Any]) -> Callable[..., None]:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        if info.blockNdx != block:
            outputs.a.x = values(inputs.a.number)

    return function


@pytest.mark.parametrize("block", [0, 1, 3])
def test_a_block_that_sets_nothing(job: Job, block: int) -> None:
    # rows of later blocks would move up
    with pytest.raises(
        rioserrors.AttributeTableColumnError, match=r"has the columns .*, and had .*; set the same"
    ):
        job.run(unless(block, np.copy))
    assert job.read("number") == list(range(ROWS))


@pytest.mark.parametrize("block", [0, 1, 3])
def test_nothing_adds_no_row(job: Job, block: int) -> None:
    job.controls.outputRowCountHandling(ratapplier.RCM_INCREMENT)
    out = write_raster(job.path.with_name("out.tif"), coordinates(1, 9, 9, "uint16"))
    job.outputs.a = ratapplier.RatHandle(out)
    job.run(unless(block, np.copy))
    kept = [row for row in range(ROWS) if row // 300 != block]
    assert rat.readColumn(out, "x").tolist() == kept


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize("kind", [str, int])
def test_an_empty_list_has_no_type(job: Job, block: int, kind: type) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        rows = [] if info.blockNdx == block else inputs.a.number.tolist()
        outputs.a.x = [kind(row) for row in rows]

    job.run(function)
    kept = [row for row in range(ROWS) if row // 300 != block]
    blank = kind()
    found = rat.readColumn(job.path, "x", useStringDType=True).tolist()
    assert found == [*map(kind, kept), *[blank] * (ROWS - len(kept))]


def test_no_value_at_all(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x, outputs.a.text = np.array([], np.int32), np.array([], "U3")

    job.run(function)
    assert job.names == ["number", "x", "text"]
    assert job.read("x") == [0] * ROWS
    assert job.read("text") == [b""] * ROWS


def test_fewer_rows_are_told(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.run(lambda info, inputs, outputs: setattr(outputs.a, "x", np.diff(inputs.a.number)))
    assert "Output 'a' was given 996 rows of 1000: they follow one another" in caplog.text
    caplog.clear()
    job.controls.outputRowCountHandling(ratapplier.RCM_FIXED, 1000)
    job.run(lambda info, inputs, outputs: setattr(outputs.a, "y", np.diff(inputs.a.number)))
    assert not caplog.records


def test_an_interruption_tells_what_is_new(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.number = inputs.a.number * 0
        if info.blockNdx == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        job.run(function)
    told = "Rows 0 to 599 of output 'a' are new, by setWriteAtOnce."
    at_once = job.controls.writeAtOnce
    assert (told if at_once else "No table has changed.") in caught.value.__notes__[0]
    assert job.read("number")[:600] == ([0] * 600 if at_once else list(range(600)))


def test_a_block_that_failed_may_be_there_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tmp_path / "a.img")
    job.controls.setWriteAtOnce(True)
    write = Rat.write

    def fails(table: Rat, place: int, start: int, values: Any) -> None:
        # the second column of the second block
        if (place, start) == (1, 300):
            raise OSError("no more")
        write(table, place, start, values)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.number, outputs.a.x = inputs.a.number * 0, inputs.a.number

    monkeypatch.setattr(Rat, "write", fails)
    with pytest.raises(rioserrors.ImageWriteError) as caught:
        job.run(function)
    assert (
        "Rows 0 to 599 of output 'a' are new, those from 300 on perhaps in part"
        in (caught.value.__notes__[0])
    )


def test_long_text_among_short(tmp_path: Path) -> None:
    job = Job(tmp_path / "a.img")
    out = write_raster(tmp_path / "out.tif", coordinates(1, 9, 9, "uint16"))
    job.outputs.a = ratapplier.RatHandle(out)
    job.controls.setUseStringDType(True)
    long = "é" * 300_000

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x = [long if row == 5 else str(row) for row in inputs.a.number]

    job.run(function)
    found = rat.readColumn(out, "x", useStringDType=True).tolist()
    assert found == [long if row == 5 else str(row) for row in range(ROWS)]
    job.inputs.a, job.outputs.a = ratapplier.RatHandle(out), ratapplier.RatHandle(out)
    job.run(lambda info, inputs, outputs: setattr(outputs.a, "x", inputs.a.x))
    assert rat.readColumn(out, "x", useStringDType=True).tolist() == found
    with ratapplier.RatHandle(out).reading() as table:
        assert table.column("x").type is ColumnType.String
