"""New columns of HFA files, which nobody sees before the function has seen all rows."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rios_flows import rat, ratapplier, rioserrors
from rios_flows.formats import hfacolumns, hfatree
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage
from rios_flows.tables.handles import RatHandle
from rios_flows.tables.spool import Spool
from rios_flows.tables.tail import reserved
from rios_flows.tables.written import Written
from tests.support import gdalinfo
from tests.support.rasters import coordinates, write_raster

ROWS = 1000


class Job:
    """A function over one table, in blocks of 300 rows."""

    def __init__(self, path: Path, dtype: str = "uint16") -> None:
        self.path = write_raster(path, coordinates(2, 40, 30, dtype), driver="HFA")
        rat.writeColumn(path, "number", np.arange(ROWS))
        self.inputs, self.outputs = ratapplier.RatAssociations(), ratapplier.RatAssociations()
        self.inputs.a = self.outputs.a = ratapplier.RatHandle(path)
        self.controls = ratapplier.RatApplierControls()
        self.controls.setBlockLength(300)

    def run(self, function: Any) -> None:
        ratapplier.apply(function, self.inputs, self.outputs, None, self.controls)

    def read(self, name: str) -> list[Any]:
        values: list[Any] = rat.readColumn(self.path, name).tolist()
        return values

    @property
    def names(self) -> list[str]:
        return rat.getColumnNames(self.path)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "a.img")


def three(info: Any, inputs: Any, outputs: Any) -> None:
    number = inputs.a.number
    outputs.a.half, outputs.a.text = number / 2, [f"é{row}" for row in number]
    outputs.a.whole = number - 7


HALF = [row / 2 for row in range(ROWS)]
TEXT = [f"é{row}".encode() for row in range(ROWS)]
WHOLE = [row - 7 for row in range(ROWS)]


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


def test_a_failure_leaves_every_byte(job: Job) -> None:
    old = job.path.read_bytes()

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        three(info, inputs, outputs)
        assert job.path.stat().st_size >= len(old)
        if info.blockNdx == 2:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no") as caught:
        job.run(function)
    assert caught.value.__notes__[0].endswith("No table has changed.")
    assert job.path.read_bytes() == old


KILLED = """
import os, signal, sys
from rios_flows import ratapplier
from rios_flows.formats import hfatree
from rios_flows.tables.tail import Part, Tail

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def three(info, inputs, outputs):
    number = inputs.a.number
    outputs.a.half, outputs.a.text = number / 2, [f"é{row}" for row in number]
    outputs.a.whole = number - 7
    if info.blockNdx == 2 and step == "block":
        die()

step = sys.argv[2]
if step == "records":
    hfatree.write_pointer = die
elif step == "texts":
    Tail._told = die
elif step == "room":
    Part.write = die
elif step == "linked":
    write = hfatree.write_pointer
    def linked(*arguments):
        write(*arguments)
        die()
    hfatree.write_pointer = linked
tables = ratapplier.RatAssociations()
tables.a = ratapplier.RatHandle(sys.argv[1])
controls = ratapplier.RatApplierControls()
controls.setBlockLength(300)
ratapplier.apply(three, tables, tables, controls=controls)
"""


@pytest.mark.parametrize("step", ["room", "block", "texts", "records", "linked"])
def test_a_kill_leaves_the_old_table_or_the_new_one(job: Job, step: str) -> None:
    command = [sys.executable, "-c", KILLED, str(job.path), step]
    assert subprocess.run(command, timeout=60, check=False).returncode == -9
    if step == "linked":
        assert job.names == ["number", "half", "text", "whole"]
    else:
        assert job.names == ["number"]
        job.run(three)
    assert job.read("number") == list(range(ROWS))
    assert (job.read("half"), job.read("text"), job.read("whole")) == (HALF, TEXT, WHOLE)


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


def add_the_same(path: Path) -> None:
    rat.writeColumn(path, "half", np.zeros(ROWS))


def add_another(path: Path) -> None:
    rat.writeColumn(path, "other", np.arange(ROWS) * 3)


def add_rows(path: Path) -> None:
    rat.writeColumn(path, "longer", np.arange(ROWS + 50))


def put_another_file(path: Path) -> None:
    copy = path.with_name("copy.img")
    shutil.copy(path, copy)
    os.replace(copy, path)


def add_another_elsewhere(path: Path) -> None:
    script = "import sys; from rios_flows import rat; rat.writeColumn(sys.argv[1], 'y', [1] * 9)"
    subprocess.run([sys.executable, "-c", script, path], check=True, timeout=60)


@pytest.mark.parametrize(
    "change", [add_the_same, add_another, add_another_elsewhere, add_rows, put_another_file]
)
def test_changes_meanwhile_are_kept(job: Job, change: Any) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        three(info, inputs, outputs)
        if info.blockNdx == 1:
            change(job.path)

    job.run(function)
    more = 50 if change is add_rows else 0
    assert job.read("number") == [*range(ROWS), *[0] * more]
    assert job.read("half") == HALF + [0] * more
    assert job.read("text") == TEXT + [b""] * more
    assert job.read("whole") == WHOLE + [0] * more
    if change is add_another:
        assert job.read("other") == [row * 3 for row in range(ROWS)]
    if change is add_another_elsewhere:
        assert job.read("y")[:10] == [1] * 9 + [0]
    if change is add_rows:
        assert job.read("longer") == list(range(ROWS + 50))


def test_a_failure_leaves_what_others_have_added(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        three(info, inputs, outputs)
        if info.blockNdx == 1:
            add_another(job.path)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        job.run(function)
    assert job.names == ["number", "other"]
    assert job.read("other") == [row * 3 for row in range(ROWS)]


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


FULL = """
import resource, signal, sys
from rios_flows import ratapplier
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
tables = ratapplier.RatAssociations()
tables.a = ratapplier.RatHandle(sys.argv[1])
controls = ratapplier.RatApplierControls()
controls.setBlockLength(300)
def function(info, inputs, outputs):
    outputs.a.half = inputs.a.number / 2
    outputs.a.text = ["x" * 500] * info.blockLen
try:
    ratapplier.apply(function, tables, tables, controls=controls)
except BaseException as error:
    print(type(error).__name__, error, *error.__notes__)
"""


@pytest.mark.parametrize(
    ("more", "words"),
    [(5000, "Unable to make room for"), (20_000, "150000 bytes cannot be kept in a temporary")],
)
def test_a_full_disk(job: Job, more: int, words: str) -> None:
    old = job.path.read_bytes()
    command = [sys.executable, "-c", FULL, str(job.path), str(len(old) + more)]
    done = subprocess.run(command, timeout=60, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("ImageWriteError") or "NoRoomError" in done.stdout
    assert words in done.stdout
    assert "is the disk full? In rows 0 to 299" in done.stdout
    assert job.path.read_bytes() == old


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


def test_what_gdal_does_not_read_is_taken_back(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    old = job.path.read_bytes()
    monkeypatch.setattr(hfacolumns, "_DATA", struct.Struct(">IIHI"))
    with pytest.raises(rioserrors.ImageWriteError, match=r"'half', 'text', 'whole' of .* none of"):
        job.run(three)
    assert job.path.read_bytes() == old
    assert old[:16] == hfatree.MAGIC


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_error_after_the_last_step_takes_them_back(
    job: Job, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    old, link = job.path.read_bytes(), hfatree.write_pointer
    calls: list[int] = []

    def linked(file: Any, place: int, value: int) -> None:
        link(file, place, value)
        calls.append(value)
        if value:
            raise error

    monkeypatch.setattr(hfatree, "write_pointer", linked)
    with pytest.raises(rioserrors.ImageWriteError if error is OSError else error):
        job.run(three)
    assert calls[0]
    assert job.path.read_bytes() == old


def test_a_file_that_is_written_anew_meanwhile(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        three(info, inputs, outputs)
        if info.blockNdx == 2:
            # longer than before, and in the same place
            job.path.write_bytes(old + b"x" * 90_000)

    old = job.path.read_bytes()

    with pytest.raises(rioserrors.ImageWriteError, match="was written anew while the function"):
        job.run(function)


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
