"""A run that is killed at any moment, and goes on when the same is called again."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import engine, rioserrors
from rios_flows.controls import ApplierControls
from rios_flows.structures import FilenameAssociations, OtherInputs
from tests.rasters import coordinates, read_raster, write_raster
from tests.styles import STYLES

ROWS, COLS, WINDOW = 320, 256, 64
BLOCKS = (ROWS // WINDOW) * (COLS // WINDOW)

#: Run by a process of its own, to be killed; it says when the run begins.
SCRIPT = """
import sys, time
from pathlib import Path
from tests.io.test_resume import job, double
function, infiles, outfiles, other, controls = job(Path(sys.argv[1]), sys.argv[2])
from rios_flows import engine
print("begins", flush=True)
engine.apply(function, infiles, outfiles, other, controls)
"""


def double(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    time.sleep(0.01)
    outputs.result = inputs.image * 2
    other.blocks += 1
    other.total += int(inputs.image.astype(np.int64).sum())


def job(folder: Path, style: str) -> tuple[Callable[..., None], Any, Any, Any, ApplierControls]:
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.image, outfiles.result = folder / "in.tif", folder / "out.tif"
    other = OtherInputs()
    other.blocks, other.total = 0, 0
    controls = ApplierControls()
    controls.setWindowSize(WINDOW, WINDOW)
    controls.setOverviewLevels([2, 4])
    controls.setOverviewMinDim(10)
    controls.setConcurrencyStyle(STYLES[style])
    controls.setResume(True, checkpointInterval=0.03)
    return double, infiles, outfiles, other, controls


def content(path: Path) -> tuple[Any, ...]:
    with rasterio.open(path) as dataset:
        overviews = []
        for level in range(len(dataset.overviews(1))):
            with rasterio.open(path, OVERVIEW_LEVEL=level) as overview:
                overviews.append(overview.read().tobytes())
        return dataset.read().tobytes(), dataset.tags(1), dataset.profile, overviews


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_raster(tmp_path / "in.tif", coordinates(1, ROWS, COLS, "int32"))
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def kill_after(folder: Path, style: str, seconds: float) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), style], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_killed_at_random_moments(folder: Path, style: str) -> None:
    function, infiles, outfiles, other, controls = job(folder, style)
    undisturbed = folder / "undisturbed.tif"
    outfiles.result = undisturbed
    engine.apply(function, infiles, outfiles, other, controls)
    expected = content(undisturbed)
    moments = random.Random(20)
    for _ in range(10):
        kill_after(folder, style, moments.uniform(0, 0.4))
        if (folder / "out.tif").exists():  # absent, or complete
            assert content(folder / "out.tif") == expected
        function, infiles, outfiles, other, controls = job(folder, style)
        rtn = engine.apply(function, infiles, outfiles, other, controls)
        assert content(folder / "out.tif") == expected
        assert names(folder) == {"in.tif", "out.tif", "undisturbed.tif"}
        # each block counts once, whichever run computed it
        assert sum(copy.blocks for copy in rtn.otherArgsList) == BLOCKS
        whole = coordinates(1, ROWS, COLS, "int32").astype(np.int64).sum()
        assert sum(copy.total for copy in rtn.otherArgsList) == whole
        (folder / "out.tif").unlink()


class Killed(BaseException):
    """Stands for a kill: it ends the run, and what is on disk stays."""


@pytest.mark.parametrize("style", STYLES)
def test_only_what_is_missing_is_computed_again(
    folder: Path, style: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    function, infiles, outfiles, other, controls = job(folder, style)
    controls.setResume(True, checkpointInterval=0)
    limit = threading.Semaphore(7)

    def sleep(seconds: float) -> None:
        if not limit.acquire(blocking=False):
            raise Killed

    monkeypatch.setattr(time, "sleep", sleep)
    with pytest.raises(Killed):
        engine.apply(function, infiles, outfiles, other, controls)
    assert names(folder) == {"in.tif", ".out.tif.rios_flows"}
    monkeypatch.undo()
    function, infiles, outfiles, other, controls = job(folder, style)
    with caplog.at_level(logging.INFO):
        rtn = engine.apply(function, infiles, outfiles, other, controls)
    computed = {record.block for record in rtn.records if record.stage == "compute"}
    assert BLOCKS - 7 <= len(computed) < BLOCKS
    assert f"{BLOCKS - len(computed)} of {BLOCKS} blocks" in caplog.text
    assert sum(copy.blocks for copy in rtn.otherArgsList) == BLOCKS
    if style.startswith("none"):
        assert rtn.otherArgsList[0] is other
    np.testing.assert_array_equal(
        read_raster(folder / "out.tif"), 2 * coordinates(1, ROWS, COLS, "int32")
    )
    assert names(folder) == {"in.tif", "out.tif"}


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
        (_other_input, "an input file"),
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
    function, infiles, outfiles, other, controls = job(folder, "none")
    controls.setResume(True, checkpointInterval=0)
    limit = threading.Semaphore(7)

    def sleep(seconds: float) -> None:
        if not limit.acquire(blocking=False):
            raise Killed

    monkeypatch.setattr(time, "sleep", sleep)
    with pytest.raises(Killed):
        engine.apply(function, infiles, outfiles, other, controls)
    monkeypatch.undo()
    function, infiles, outfiles, other, controls = job(folder, "none")
    change(folder, controls, other)
    rtn = engine.apply(function, infiles, outfiles, other, controls)
    computed = {record.block for record in rtn.records if record.stage == "compute"}
    assert rtn.info is not None
    assert len(computed) == rtn.info.total_blocks
    assert f"Starting afresh, since this has changed: {words}" in caplog.text
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
    assert names(folder) == {"in.tif", "out.tif"}
    engine.apply(function, infiles, outfiles, other, controls)


def test_what_a_killed_run_has_left_is_cleared_by_the_next(folder: Path) -> None:
    kill_after(folder, "none", 0.15)
    function, infiles, outfiles, other, controls = job(folder, "none")
    controls.setResume(False)
    rtn = engine.apply(function, infiles, outfiles, other, controls)
    assert sum(record.stage == "compute" for record in rtn.records) == BLOCKS
    assert names(folder) == {"in.tif", "out.tif"}
