"""What makes a run start afresh, or be refused, where another one was killed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import FilenameAssociations
from tests.support.rasters import coordinates, read_raster, write_raster
from tests.support.resumed import COLS, ROWS, WINDOW, broken_off, job, names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_raster(tmp_path / "in.tif", coordinates(1, ROWS, COLS, "int32"))
    return tmp_path


def _other_input(folder: Path, controls: ApplierControls, other: Any) -> None:
    write_raster(folder / "in.tif", coordinates(1, ROWS, COLS, "int32") + 1)
    later = time.time_ns() + 10**9
    os.utime(folder / "in.tif", ns=(later, later))


def _other_window(folder: Path, controls: ApplierControls, other: Any) -> None:
    controls.setWindowSize(WINDOW, 2 * WINDOW)


def _other_args(folder: Path, controls: ApplierControls, other: Any) -> None:
    other.total = 5


def _other_output(folder: Path, controls: ApplierControls, other: Any) -> None:
    controls.setStatsIgnore(17)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_other_input, "the input file '{folder}/in.tif'"),
        (_other_window, "block size or overlap"),
        (_other_args, "otherArgs"),
        (_other_output, "an output's name or options"),
    ],
)
def test_what_has_changed_starts_afresh(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[Path, ApplierControls, Any], None],
    words: str,
) -> None:
    broken_off(folder, "none", 7, monkeypatch)
    function, infiles, outfiles, other, controls = job(folder, "none")
    change(folder, controls, other)
    rtn = engine.apply(function, infiles, outfiles, other, controls)
    computed = {record.block for record in rtn.records if record.stage == "compute"}
    assert rtn.info is not None
    assert len(computed) == len(rtn.info.blocks)
    changed = words.format(folder=folder)
    assert f"Starting afresh, since this has changed: {changed}" in caplog.text
    np.testing.assert_array_equal(
        read_raster(folder / "out.tif"), 2 * read_raster(folder / "in.tif")
    )


def test_other_args_that_do_not_pickle_are_refused(folder: Path) -> None:
    function, infiles, outfiles, other, controls = job(folder, "none")
    other.lock = threading.Lock()
    with pytest.raises(rioserrors.ParameterError, match="otherArgs cannot be saved"):
        engine.apply(function, infiles, outfiles, other, controls)
    assert names(folder) <= {"in.tif", ".out.tif.rios_flows"}


def test_without_an_output_there_is_nothing_to_resume(folder: Path) -> None:
    function, infiles, _, other, controls = job(folder, "none")
    with pytest.raises(rioserrors.ParameterError, match="setResume"):
        engine.apply(function, infiles, FilenameAssociations(), other, controls)


def test_a_second_run_for_the_same_output_is_refused(folder: Path) -> None:
    function, infiles, outfiles, other, controls = job(folder, "none")
    controls.setResume(False)
    held, go = threading.Event(), threading.Event()

    def waits(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        held.set()
        assert go.wait(10)
        outputs.result = inputs.image

    first = threading.Thread(target=engine.apply, args=(waits, infiles, outfiles, other, controls))
    first.start()
    assert held.wait(10)
    try:
        with pytest.raises(rioserrors.ImageOpenError, match="another run is writing it") as caught:
            engine.apply(function, infiles, outfiles, other, controls)
        assert f"process {os.getpid()}" in str(caught.value)
        assert "out.tif" in str(caught.value)
    finally:
        go.set()
        first.join()
    assert names(folder) == {"in.tif", "out.tif", "out.tif.aux.xml"}
    engine.apply(function, infiles, outfiles, other, controls)
