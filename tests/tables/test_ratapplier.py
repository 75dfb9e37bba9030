"""Functions over blocks of rows of attribute tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rios_flows import rat, ratapplier, rioserrors
from rios_flows.rat import ColumnUsage
from rios_flows.tables.spool import Spool
from tests.support.rasters import coordinates, write_raster

ROWS = 1000


def raster(path: Path, dtype: str = "uint16") -> Path:
    driver = "HFA" if path.suffix == ".img" else "GTiff"
    return write_raster(path, coordinates(2, 40, 30, dtype), driver=driver)


class Job:
    """A function over one table, in blocks of 300 rows."""

    def __init__(self, folder: Path, ending: str = "img", block: int = 300) -> None:
        self.path = raster(folder / f"a.{ending}")
        rat.writeColumn(self.path, "number", np.arange(ROWS))
        rat.writeColumn(self.path, "name", [f"n{row % 7}" for row in range(ROWS)])
        self.inputs, self.outputs = ratapplier.RatAssociations(), ratapplier.RatAssociations()
        self.inputs.a = self.outputs.a = ratapplier.RatHandle(self.path)
        self.controls = ratapplier.RatApplierControls()
        self.controls.setBlockLength(block)

    def run(self, function: Callable[..., Any], more: Any = None) -> None:
        ratapplier.apply(function, self.inputs, self.outputs, more, self.controls)

    def read(self, name: str) -> list[Any]:
        values: list[Any] = rat.readColumn(self.path, name).tolist()
        return values


@pytest.fixture(params=["img", "tif"])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    return Job(tmp_path, str(request.param))


class Shown:
    def __init__(self) -> None:
        self.percents: list[int] = []

    def setProgress(self, percent: int) -> None:
        self.percents.append(percent)


def test_columns_block_by_block(job: Job) -> None:
    seen: list[Any] = []

    def function(info: Any, inputs: Any, outputs: Any, more: Any) -> None:
        seen.append((info.blockNdx, info.startrow, info.blockLen, info.rowCount))
        np.testing.assert_array_equal(inputs.a.number, info.inputRowNumbers)
        more.total += int(inputs.a.number.sum())
        outputs.a.half = inputs.a.number / 2
        outputs.a.text = inputs.a.name
        outputs.a.Red = inputs.a.number % 256
        outputs.a.setUsage("Red", ColumnUsage.Red)

    more, shown = ratapplier.OtherArguments(), Shown()
    more.total = 0  # type: ignore[attr-defined]
    job.controls.setProgress(shown)
    job.run(function, more)
    assert seen == [
        (0, 0, 300, 1000),
        (1, 300, 300, 1000),
        (2, 600, 300, 1000),
        (3, 900, 100, 1000),
    ]
    assert more.total == 499500  # type: ignore[attr-defined]
    assert job.read("half") == [row / 2 for row in range(ROWS)]
    assert job.read("text") == job.read("name") == [f"n{row % 7}".encode() for row in range(ROWS)]
    assert rat.getUsageOfColumn(job.path, "Red") is ColumnUsage.Red
    assert shown.percents == [0, 30, 60, 90, 100]


def test_strings_and_a_type_that_grows(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        assert inputs.a.name.dtype == np.dtypes.StringDType()
        outputs.a.longer = inputs.a.name + "é"
        outputs.a.real = [1] * info.blockLen if info.blockNdx == 0 else [0.5] * info.blockLen

    job.controls.setUseStringDType(True)
    job.run(function)
    assert job.read("longer")[999] == "n5é".encode()
    assert job.read("real") == [1.0] * 300 + [0.5] * 700


def fail_in_second_block(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.a.number = inputs.a.number * 0
    if info.blockNdx == 1:
        _ = 1 / 0


def test_an_error_leaves_the_table(job: Job) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        job.run(fail_in_second_block)
    assert caught.value.__notes__ == [
        "In rows 300 to 599, which the function 'fail_in_second_block' was given. No table has "
        "changed."
    ]
    assert job.read("number") == list(range(ROWS))


def test_row_counts(job: Job) -> None:
    def first_rows(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.out.number = inputs.a.number[:20]

    out = raster(job.path.with_name("out" + job.path.suffix))
    job.outputs = ratapplier.RatAssociations()
    job.outputs.out = ratapplier.RatHandle(out, 2)
    for method, size, rows in (
        (ratapplier.RCM_INCREMENT, None, 80),
        (ratapplier.RCM_FIXED, 90, 90),
        (ratapplier.RCM_EQUALS_INPUT, None, 1000),
    ):
        job.controls.outputRowCountHandling(method, size)
        job.run(first_rows)
        column = rat.readColumn(out, "number", 2)
        assert len(column) == rows
        assert column[:80].tolist() == [
            block * 300 + row for block in range(4) for row in range(20)
        ]
        assert not column[80:].any()
    job.controls.outputRowCountHandling(ratapplier.RCM_FIXED, totalsize=79)
    with pytest.raises(rioserrors.RatMismatchError, match=r"'out' was given 80 rows.* gets 79"):
        job.run(first_rows)


def test_without_inputs(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.squares = info.inputRowNumbers**2

    job.inputs = ratapplier.RatAssociations()
    with pytest.raises(rioserrors.ParameterError, match=r"call controls.setRowCount"):
        job.run(function)
    job.controls.setRowCount(700)
    job.run(function)
    assert job.read("squares") == [row**2 for row in range(700)] + [0] * 300


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (
            lambda _, i, o: vars(o.a).update(x=i.a.number, y=i.a.number[1:]),
            rioserrors.RatBlockLengthError,
            "output 'a' differ in length: {'x': 300, 'y': 299}",
        ),
        (
            lambda info, i, o: vars(o.a).update({f"x{info.blockNdx}": i.a.number}),
            rioserrors.AttributeTableColumnError,
            "has the columns x1, and had x0 in the blocks before",
        ),
        (
            lambda info, i, o: vars(o.a).update(x=i.a.name if info.blockNdx else i.a.number),
            rioserrors.AttributeTableTypeError,
            "column 'x' of output 'a': it is String now, and was Integer",
        ),
        (
            lambda _, i, o: vars(o.a).update(x=i.a.none),
            rioserrors.AttributeTableColumnError,
            "no column 'none' in its attribute table; there are: 'number', 'name'",
        ),
        (
            lambda _, i, o: vars(o.a).update(number=i.a.number * 0.3),
            rioserrors.AttributeTableTypeError,
            "Column 'number' of band 1 of .* type Integer, which cannot hold",
        ),
    ],
)
def test_what_cannot_be_written(
    job: Job, function: Callable[..., Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        job.run(function)
    assert rat.getColumnNames(job.path) == ["number", "name"]


def test_inputs_of_different_length(job: Job) -> None:
    other = raster(job.path.with_name("b.tif"))
    rat.writeColumn(other, "a", [1, 2])
    job.inputs.b = ratapplier.RatHandle(str(other))
    with pytest.raises(rioserrors.RatMismatchError, match=r"'a' \(band 1 of .*1000, 'b' .* has 2"):
        job.run(lambda *_: None)


def test_wrong_arguments(job: Job) -> None:
    with pytest.raises(rioserrors.ParameterError, match="give a RatHandle"):
        job.inputs.b = "b.img"
    with pytest.raises(rioserrors.WrongControlsObject, match="give a RatApplierControls"):
        ratapplier.apply(print, job.inputs, job.outputs, controls=3)  # type: ignore[arg-type]
    calls: list[Callable[[], None]] = [
        lambda: job.controls.setBlockLength(0),
        lambda: job.controls.setRowCount(-1),
        lambda: job.controls.outputRowCountHandling(3),
        lambda: job.controls.outputRowCountHandling(ratapplier.RCM_FIXED),
        lambda: job.controls.setProgress(3),
    ]
    for call in calls:
        with pytest.raises(rioserrors.ParameterError):
            call()


def test_a_table_that_cannot_be_is_found_before_any_changes(job: Job) -> None:
    other = raster(job.path.with_name("other.img"))
    rat.writeColumn(other, "y", [1, 2])
    job.outputs.b = ratapplier.RatHandle(other)

    name = ""

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x = inputs.a.number
        setattr(outputs.b, name, inputs.a.number + 0.5)

    for name, error in (  # noqa: B007
        ("y", rioserrors.AttributeTableTypeError),
        ("y:z", rioserrors.AttributeTableColumnError),
    ):
        with pytest.raises(error, match=r"olumn '.*' of band 1 of '.*other.img'"):
            job.run(function)
    job.outputs.b = ratapplier.RatHandle(other, 9)
    with pytest.raises(rioserrors.GDALLayerNumberError, match="has no band 9"):
        job.run(function)
    assert rat.getColumnNames(job.path) == ["number", "name"]
    assert rat.readColumn(other, "y").tolist() == [1, 2]


def test_a_failed_write_tells_which_tables_are_new(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = raster(job.path.with_name("other.tif"))
    job.outputs.b = ratapplier.RatHandle(other)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x = outputs.b.x = inputs.a.number

    def full(pour: Any) -> Any:
        def poured(spool: Spool, rows: int) -> None:
            if spool.name == "b":
                raise rioserrors.ImageWriteError("the disk is full")
            pour(spool, rows)

        return poured

    monkeypatch.setattr(Spool, "pour", full(Spool.pour))
    with pytest.raises(rioserrors.ImageWriteError, match="is full") as caught:
        job.run(function)
    assert caught.value.__notes__ == ["Tables that are new: 'a'."]
    assert job.read("x") == list(range(ROWS))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(block=st.integers(1, 1200).filter(lambda block: block == 1200 or block > 90))
def test_any_length_of_blocks(job: Job, block: int) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.twice = inputs.a.number * 2
        outputs.a.copied = inputs.a.name

    job.controls.setBlockLength(block)
    job.run(function)
    assert job.read("twice") == [2 * row for row in range(ROWS)]
    assert job.read("copied") == job.read("name")


@pytest.mark.parametrize("ending", ["img", "tif"])
def test_a_copy(job: Job, ending: str) -> None:
    rat.writeColumn(job.path, "Green", [7], colUsage=ColumnUsage.Green)
    out = raster(job.path.with_name(f"copy.{ending}"))
    rat.writeColumn(out, "own", [1.5] * (ROWS + 2))
    shown = Shown()
    ratapplier.copyRAT(str(job.path), str(out), shown, ["number"])
    assert rat.getColumnNames(out) == ["own", "name", "Green"]
    assert rat.readColumn(out, "own").tolist() == [1.5] * (ROWS + 2)
    assert rat.readColumn(out, "name").tolist() == [*job.read("name"), b"", b""]
    assert rat.getUsageOfColumn(out, "Green") is ColumnUsage.Green
    assert shown.percents == [0, 50, 100]
    empty = raster(job.path.with_name(f"empty.{ending}"))
    ratapplier.copyRAT(str(out), str(empty), omitColumns=["own", "name", "Green"])
    assert rat.getColumnNames(empty) == []
    with pytest.raises(rioserrors.ParameterError, match="are one table"):
        ratapplier.copyRAT(str(out), str(out))


def test_columns_of_any_name(job: Job) -> None:
    names = ["_usages", "_table", "two words", "setUsage", "class"]

    def write(info: Any, inputs: Any, outputs: Any) -> None:
        for name in names:
            setattr(outputs.a, name, inputs.a.number + len(name))

    def read(info: Any, inputs: Any, outputs: Any) -> None:
        for name in names:
            np.testing.assert_array_equal(getattr(inputs.a, name), info.inputRowNumbers + len(name))

    job.run(write)
    assert rat.getColumnNames(job.path) == ["number", "name", *names]
    job.run(read)


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (lambda _, i, o: setattr(o, "x", [1]), rioserrors.ParameterError, "'x' is set on the tab"),
        (lambda _, i, o: setattr(o.b, "x", [1]), AttributeError, "no table 'b'; there are 'a'"),
        (lambda _, i, o: o.a.setUsage("x", 99), rioserrors.ParameterError, r"setUsage\('x', 99\)"),
        (lambda _, i, o: setattr(o.a, "x", 3), rioserrors.ArrayShapeError, "column 'x' of output"),
    ],
)
def test_slips_of_the_function(
    job: Job, function: Callable[..., Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        job.run(function)
    assert rat.getColumnNames(job.path) == ["number", "name"]
