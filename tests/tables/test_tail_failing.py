"""New columns of HFA files where the function fails or is killed: the old table, or the new one."""

from __future__ import annotations

import struct
import subprocess
import sys
from typing import Any

import pytest

from rios_flows import rioserrors
from rios_flows.formats import hfacolumns, hfatree
from tests.support.newcolumns import HALF, ROWS, TEXT, WHOLE, Job, three


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
