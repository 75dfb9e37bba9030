"""New columns of HFA files, which nobody sees before the function has seen all rows."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rios_flows import rat, ratapplier, rioserrors
from rios_flows.formats import hfacolumns
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage
from rios_flows.tables.handles import RatHandle
from rios_flows.tables.spool import Spool
from rios_flows.tables.tail import reserved
from rios_flows.tables.written import Written
from tests.support import gdalinfo
from tests.support.newcolumns import HALF, ROWS, TEXT, WHOLE, Job, three
from tests.support.rasters import coordinates, write_raster


@pytest.fixture
def no_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where columns are written by GDAL."""

    def never(self: Any, columns: Any, rows: int) -> None:
        assert not columns

    monkeypatch.setattr(Spool, "_copy", never)


@pytest.mark.usefixtures("no_copies")
@pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="gdal-bin is missing")
def test_other_readers_see_the_old_table_and_then_the_new_one(job: Job) -> None:
    seen: list[Any] = []

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        seen.append(
            ([c[0] for c in gdalinfo.columns(job.path)], job.names, len(job.read(*job.names)))
        )
        three(info, inputs, outputs)

    job.run(function)
    assert seen == [(["number"], ["number"], ROWS)] * 4
    told = gdalinfo.columns(job.path)
    assert [(name, kind, usage) for name, kind, usage, _ in told] == [
        *(("number", "0", "0"), ("half", "1", "0"), ("text", "2", "0"), ("whole", "0", "0"))
    ]
    assert [float(cell) for cell in told[1][3]] == HALF
    assert [cell.encode() for cell in told[2][3]] == TEXT
    assert [int(cell) for cell in told[3][3]] == WHOLE
    assert (job.read("number"), job.read("whole")) == (list(range(ROWS)), WHOLE)


def test_a_type_that_grows_goes_elsewhere(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        three(info, inputs, outputs)
        outputs.a.grows = inputs.a.number + (0.5 if info.blockNdx == 2 else 0)
        if not info.blockNdx:
            outputs.a.grows = inputs.a.number

    job.run(function)
    assert job.read("grows") == [row + (0.5 if 600 <= row < 900 else 0) for row in range(ROWS)]
    assert (job.read("half"), job.read("text"), job.read("whole")) == (HALF, TEXT, WHOLE)


@pytest.mark.usefixtures("no_copies")
def test_fewer_rows_than_the_table_has(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.even, outputs.a.text = inputs.a.number[::2] + 1, ["long enough"] * 150
        if info.blockNdx == 3:
            outputs.a.even, outputs.a.text = [], []

    job.run(function)
    assert job.read("even") == [*range(1, 901, 2), *[0] * 550]
    assert job.read("text") == [b"long enough"] * 450 + [b""] * 550


def test_old_columns_and_usages_beside_new_ones(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        three(info, inputs, outputs)
        outputs.a.number = inputs.a.number * 3
        outputs.a.Red = inputs.a.number % 256
        outputs.a.setUsage("Red", ColumnUsage.Red)

    job.run(function)
    assert job.names == ["number", "half", "text", "whole", "Red"]
    assert job.read("number") == [3 * row for row in range(ROWS)]
    assert job.read("Red") == [row % 256 for row in range(ROWS)]
    assert (job.read("half"), job.read("text"), job.read("whole")) == (HALF, TEXT, WHOLE)
    assert rat.getUsageOfColumn(job.path, "Red") is ColumnUsage.Red


def test_names_that_differ_in_capitals(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x, outputs.a.X = inputs.a.number, inputs.a.number

    for at_once in (False, True):
        job.controls.setWriteAtOnce(at_once)
        with pytest.raises(rioserrors.AttributeTableColumnError, match=r"'X' of .* beside 'x'"):
            job.run(function)
        assert job.names == ["number"]


def test_two_bands_of_a_file(job: Job) -> None:
    rat.writeColumn(job.path, "old", np.arange(ROWS), bandNumber=2)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        three(info, inputs, outputs)
        outputs.b.y = inputs.a.number * 2

    job.outputs.b = ratapplier.RatHandle(job.path, 2)
    job.run(function)
    assert (job.read("half"), job.read("text"), job.read("whole")) == (HALF, TEXT, WHOLE)
    assert rat.readColumn(job.path, "y", 2).tolist() == list(range(0, 2 * ROWS, 2))
    assert rat.readColumn(job.path, "old", 2).tolist() == list(range(ROWS))


def test_no_room_for_more_than_two_gibibytes(job: Job) -> None:
    wanted = [Column("x", ColumnType.Real, ColumnUsage.Generic)]
    made = reserved(RatHandle(job.path), ROWS, wanted)
    assert made is not None
    made.close()
    os.truncate(job.path, hfacolumns.LARGEST - 8 * ROWS)
    assert reserved(RatHandle(job.path), ROWS, wanted) is None
    assert job.path.stat().st_size == hfacolumns.LARGEST - 8 * ROWS


@pytest.mark.parametrize("rows", [ROWS + 1, None])
def test_what_has_to_wait(job: Job, rows: int | None) -> None:
    wanted = [Column("x", ColumnType.Real, ColumnUsage.Generic)]
    if rows is not None:
        assert reserved(RatHandle(job.path), rows, wanted) is None
    other = write_raster(job.path.with_name("b.tif"), coordinates(1, 9, 9, "uint16"))
    for path in (other, job.path.with_name("none.img")):
        assert reserved(RatHandle(path), 0, wanted) is None
    for column in (("number", 1, 0), ("Red", 0, 6), ("red", 0, 0), ("histogram", 0, 0)):
        kind, usage = ColumnType(column[1]), ColumnUsage(column[2])
        assert reserved(RatHandle(job.path), ROWS, [Column(column[0], kind, usage)]) is None


def test_a_dictionary_of_its_own_has_to_wait(job: Job) -> None:
    with job.path.open("r+b") as file:
        assert hfacolumns.table_of(file, 1) is not None
        assert hfacolumns.table_of(file, 2) is None
        place = job.path.read_bytes().index(b"1:lmaxNumChars,}Edsc_Column")
        file.seek(place)
        file.write(b"1:lmaxNumCharz,")
        assert hfacolumns.table_of(file, 1) is None


BLOCKS = st.lists(
    st.tuples(st.sampled_from(["int32", "int64", "float64", "bool"]), st.integers(0, 9)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns=st.lists(BLOCKS, min_size=1, max_size=3))
def test_any_types_and_lengths(tmp_path: Path, columns: list[Any]) -> None:
    path = tmp_path / "a.img"
    if not path.exists():
        Job(path)
    names = [f"c{number}" for number in range(len(columns))]
    before = rat.getColumnNames(path)
    files = path.read_bytes()
    wanted: dict[str, list[float]] = {}
    tail = reserved(
        RatHandle(path), ROWS, [Column(n, ColumnType.Integer, ColumnUsage.Generic) for n in names]
    )
    assert tail is not None
    try:
        written = {name: Written(tail.parts[name]) for name in names}
        for name, blocks in zip(names, columns, strict=True):
            for dtype, length in blocks:
                values = np.arange(length) % 2 * (1 if dtype == "bool" else 1.5)
                cells = values.astype(dtype)
                written[name].add(cells)
                wanted.setdefault(name, []).extend(cells.tolist())
        told = [Column(n, written[n].type, ColumnUsage.Generic) for n in names]
        # the first block made room for integers
        left = tail.add([c for c in told if c.type is ColumnType.Integer], written)
        assert [c.name for c in left] == [
            c.name for c in told if c.type is ColumnType.Integer and written[c.name].is_apart
        ]
    finally:
        tail.close()
    for column in told:
        if column.type is ColumnType.Integer and column not in left:
            values = rat.readColumn(path, column.name).tolist()
            assert values == wanted[column.name] + [0] * (ROWS - len(wanted[column.name]))
    for entry in written.values():
        entry.close()
    assert rat.getColumnNames(path)[: len(before)] == before
    path.write_bytes(files)
