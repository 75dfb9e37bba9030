"""A run that is ended from outside, in good order: a later run goes on from all it has written."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import engine, rioserrors
from rios_flows.basics.errortext import Halted
from rios_flows.reports.records import Listener, RunInfo
from rios_flows.runs.execution import run_in_threads
from rios_flows.runs.lanes import Lane
from tests.support.rasters import coordinates, read_raster, write_raster
from tests.support.resumed import COLS, ROWS, WINDOW, double, job
from tests.support.styles import STYLES as WITHOUT_PROCESSES

BLOCKS = (ROWS // WINDOW) * (COLS // WINDOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_raster(tmp_path / "in.tif", coordinates(1, ROWS, COLS, "int32"))
    return tmp_path


def without_other(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image * 2


def fails_late(info: Any, inputs: Any, outputs: Any) -> None:
    if "BROKEN" in os.environ and info.getBlockCount() == (2, 3):
        raise ValueError("no such luck")
    without_other(info, inputs, outputs)


class Halts(Listener):
    """Has somebody else end the run once so many blocks are written; counts what is written."""

    def __init__(self, after: int = BLOCKS + 1, paused: bool = False) -> None:
        self.after, self.done, self.paused = after, 0, paused
        self.resumed = 0
        self.thread: threading.Thread | None = None
        self.halt: Any = None
        self.rest: Any = None

    def run(self, lanes: Sequence[Lane]) -> None:
        self.halt, self.rest = lanes[0].halt, lanes[0].rest
        run_in_threads(lanes)

    def started(self, info: RunInfo) -> None:
        self.resumed = info.resumed

    def written(self, done: int, total: int) -> None:
        self.done = done
        if done == self.after:
            if self.paused:
                self.rest()
            wait = 0.3 if self.paused else 0
            self.thread = threading.Timer(wait, self.halt, args=[Halted("was suspended")])
            self.thread.start()


def run(folder: Path, style: str, function: Any, listener: Halts) -> Any:
    _, infiles, outfiles, other, controls = job(folder, style)
    controls.setResume(True, checkpointInterval=1000)
    own = other if function is double else None
    prepared = engine.prepare(function, infiles, outfiles, own, controls)
    try:
        return engine.execute(prepared, listener.run, [listener])
    finally:
        if listener.thread is not None:
            listener.thread.join()


@pytest.mark.parametrize(
    ("style", "function"),
    [
        *itertools.product(WITHOUT_PROCESSES, [double, without_other]),
        pytest.param("local workers", double, marks=pytest.mark.slow),
    ],
)
def test_all_that_was_written_is_kept(folder: Path, style: str, function: Any) -> None:
    halts = Halts(after=5)
    with pytest.raises(Halted, match="was suspended"):
        run(folder, style, function, halts)
    assert 5 <= halts.done < BLOCKS
    assert not (folder / "out.tif").exists()

    again = Halts()
    result = run(folder, style, function, again)
    computed = [record for record in result.records if record.stage == "compute"]
    assert len(computed) == BLOCKS - halts.done
    assert again.resumed == halts.done
    pixels = coordinates(1, ROWS, COLS, "int32")
    np.testing.assert_array_equal(read_raster(folder / "out.tif"), pixels * 2)
    if function is double:
        assert sum(other.blocks for other in result.otherArgsList) == BLOCKS


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_a_run_that_is_paused_can_be_ended(folder: Path, style: str) -> None:
    halts = Halts(after=5, paused=True)
    with pytest.raises(Halted, match="was suspended"):
        run(folder, style, double, halts)
    result = run(folder, style, double, Halts())
    computed = [record for record in result.records if record.stage == "compute"]
    assert len(computed) == BLOCKS - halts.done
    assert sum(other.blocks for other in result.otherArgsList) == BLOCKS


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_an_error_keeps_what_was_written(
    folder: Path, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Halts()
    monkeypatch.setenv("BROKEN", "yes")
    with pytest.raises(rioserrors.WorkerExceptionError, match="no such luck"):
        run(folder, style, fails_late, failed)
    assert failed.done
    monkeypatch.delenv("BROKEN")
    result = run(folder, style, fails_late, Halts())
    computed = [record for record in result.records if record.stage == "compute"]
    assert len(computed) == BLOCKS - failed.done
