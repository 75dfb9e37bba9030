"""Outputs that are written block by block, as the function returns them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rat, ratapplier, rioserrors
from rios_flows.tables.direct import Direct
from tests.support.rasters import coordinates, write_raster

ROWS = 1000


class Job:
    """A function over one table, in blocks of 300 rows, written at once."""

    def __init__(self, path: Path) -> None:
        driver = "HFA" if path.suffix == ".img" else "GTiff"
        self.path = write_raster(path, coordinates(2, 40, 30, "uint16"), driver=driver)
        rat.writeColumn(path, "number", np.arange(ROWS))
        self.inputs, self.outputs = ratapplier.RatAssociations(), ratapplier.RatAssociations()
        self.inputs.a = self.outputs.a = ratapplier.RatHandle(path)
        self.controls = ratapplier.RatApplierControls()
        self.controls.setBlockLength(300)
        self.controls.setWriteAtOnce(True)

    def run(self, function: Any) -> None:
        ratapplier.apply(function, self.inputs, self.outputs, None, self.controls)

    def read(self, name: str) -> list[Any]:
        values: list[Any] = rat.readColumn(self.path, name).tolist()
        return values


@pytest.fixture(params=["img", "tif"])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    return Job(tmp_path / f"a.{request.param}")


def test_new_and_old_columns(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        number = inputs.a.number
        outputs.a.half, outputs.a.number = number / 2, number * 3
        outputs.a.text = [f"é{row}" for row in number]

    job.run(function)
    assert job.read("number") == [3 * row for row in range(ROWS)]
    assert job.read("half") == [row / 2 for row in range(ROWS)]
    assert job.read("text") == [f"é{row}".encode() for row in range(ROWS)]


def test_fewer_and_more_rows(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.even = outputs.a.number = inputs.a.number[::2] + 1

    job.controls.outputRowCountHandling(ratapplier.RCM_FIXED, 1200)
    job.run(function)
    assert job.read("even") == job.read("number") == [*range(1, ROWS, 2), *[0] * 700]
    job.controls.outputRowCountHandling(ratapplier.RCM_FIXED, 400)
    with pytest.raises(rioserrors.RatMismatchError, match="was given 450 rows, and gets 400"):
        job.run(function)


def test_a_failure_tells_which_rows_are_new(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.new, outputs.a.number = inputs.a.number, inputs.a.number * 2
        if info.blockNdx == 2:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no") as caught:
        job.run(function)
    note = caught.value.__notes__[0]
    if job.path.suffix == ".img":
        assert note.endswith("Rows 0 to 599 of output 'a' are new, by setWriteAtOnce.")
        assert job.read("new") == [*range(600), *[0] * 400]
        assert job.read("number") == [*range(0, 1200, 2), *range(600, ROWS)]
    else:
        assert note.endswith("No table has changed.")
        assert rat.getColumnNames(job.path) == ["number"]
        assert job.read("number") == list(range(ROWS))


def test_the_first_block_says_the_type(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x = inputs.a.number + (2**40 if info.blockNdx else 0)

    with pytest.raises(rioserrors.AttributeTableTypeError, match=r"'x' of band 1.*type Integer"):
        job.run(function)


def test_bad_columns_change_nothing(job: Job) -> None:
    def longer(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x, outputs.a.y = inputs.a.number, inputs.a.number[1:]

    def unfit(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x, outputs.a.number = inputs.a.number, inputs.a.number + 0.5

    def masked(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x = np.ma.masked_less(inputs.a.number, 5)

    for function, error in (
        (longer, rioserrors.RatBlockLengthError),
        (unfit, rioserrors.AttributeTableTypeError),
        (masked, rioserrors.AttributeTableTypeError),
    ):
        with pytest.raises(error) as caught:
            job.run(function)
        assert caught.value.__notes__[0].endswith("No table has changed.")
        assert rat.getColumnNames(job.path) == ["number"]


def test_no_other_change_meanwhile(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x = inputs.a.number
        if info.blockNdx:
            rat.writeColumn(job.path, "y", [1])

    with pytest.raises(rioserrors.ImageOpenError, match="cannot be changed from inside"):
        job.run(function)
    rat.writeColumn(job.path, "y", [1])
    assert job.read("y")[0] == 1


def test_two_outputs_of_one_file(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x, outputs.b.y = inputs.a.number, inputs.a.number * 2

    job.outputs.b = ratapplier.RatHandle(job.path, 2)
    job.run(function)
    assert job.read("x") == list(range(ROWS))
    assert rat.readColumn(job.path, "y", 2).tolist() == list(range(0, 2 * ROWS, 2))


def test_as_many_rows_as_are_written_wait(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x = np.repeat(inputs.a.number, 2)

    job.controls.outputRowCountHandling(ratapplier.RCM_INCREMENT)
    job.run(function)
    assert job.read("x") == [row // 2 for row in range(2 * ROWS)]


def test_a_store(tmp_path: Path) -> None:
    job = Job(tmp_path / "a.img")
    store = ratapplier.RatZarrHandle(tmp_path / "a.zarr")
    job.outputs = ratapplier.RatAssociations()
    job.outputs.b = store

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.b.x = inputs.a.number
        if failing and info.blockNdx:
            raise ValueError("no")

    failing = True
    with pytest.raises(ValueError, match="no") as caught:
        job.run(function)
    assert "Rows 0 to 299 of output 'b' are new" in caught.value.__notes__[0]
    with store.reading() as table:
        assert table.read("x").tolist() == [*range(300), *[0] * 700]
    failing = False
    job.run(function)
    with store.reading() as table:
        assert table.read("x").tolist() == list(range(ROWS))


def test_nothing_is_opened_before_the_first_block(tmp_path: Path) -> None:
    with Direct("a", ratapplier.RatHandle(tmp_path / "missing.img"), 5) as output:
        assert output.changed is None
        output.check()
        output.pour(5)
