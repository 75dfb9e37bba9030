"""A run that is killed at any moment, and goes on when the same is called again."""

from __future__ import annotations

import itertools
import logging
import random
import signal
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio

from rios_flows import engine
from tests.support.forkserver import FORKS
from tests.support.rasters import coordinates, read_raster, write_raster
from tests.support.resumed import COLS, DEAD, ROWS, STYLES, WINDOW, broken_off, die_at, job, names

BLOCKS = (ROWS // WINDOW) * (COLS // WINDOW)


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


class Child(NamedTuple):
    """A process of its own that runs the job, and tells when the run begins and ends."""

    process: ForkServerProcess
    told: Connection

    def ended(self) -> int | None:
        """Return the exit status."""
        self.process.join()
        self.told.close()
        return self.process.exitcode


def run_job(tell: Connection, folder: Path, style: str, *where: str) -> None:
    function, infiles, outfiles, other, controls = job(folder, style)
    if where:
        die_at(where[0], int(where[1]), where[2])
    tell.send("begins")
    engine.apply(function, infiles, outfiles, other, controls)
    tell.send("ends")


def child(folder: Path, style: str, *where: str) -> Child:
    """Return a process that is about to run the job."""
    told, tell = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=run_job, args=(tell, folder, style, *where))
    process.start()
    tell.close()
    assert told.recv() == "begins"
    return Child(process, told)


def kill_after(folder: Path, style: str, seconds: float) -> None:
    killed = child(folder, style)
    time.sleep(seconds)
    killed.process.kill()
    assert killed.ended() in (0, -signal.SIGKILL)


def check_goes_on(folder: Path, style: str, expected: Any) -> None:
    """Run the job again, and check that nothing tells of the kill."""
    function, infiles, outfiles, other, controls = job(folder, style)
    rtn = engine.apply(function, infiles, outfiles, other, controls)
    assert whole(folder) == expected
    assert names(folder) == {"in.tif", "out.tif", "out.tif.aux.xml"}
    # each block counts once, whichever run computed it
    assert sum(copy.blocks for copy in rtn.otherArgsList) == BLOCKS
    pixels = coordinates(1, ROWS, COLS, "int32").astype(np.int64).sum()
    assert sum(copy.total for copy in rtn.otherArgsList) == pixels


def whole(folder: Path) -> tuple[Any, ...] | None:
    """Return all that is to be seen of the output; None where there is none."""
    if not (folder / "out.tif").exists():
        return None
    sidecars = {path.name: path.read_bytes() for path in folder.glob("out.*.*")}
    return content(folder / "out.tif"), sidecars


def undisturbed(folder: Path, style: str) -> tuple[Any, float]:
    """Return what a run gives that nobody kills, and how long it takes from its beginning (s)."""
    run = child(folder, style)
    start = time.monotonic()
    assert run.told.recv() == "ends"
    seconds = time.monotonic() - start
    assert run.ended() == 0
    expected = whole(folder)
    assert expected is not None
    assert names(folder) == {"in.tif", "out.tif", "out.tif.aux.xml"}
    for path in folder.glob("out.*"):
        path.unlink()
    return expected, seconds


@pytest.mark.slow
@pytest.mark.parametrize(
    ("style", "kills"), [("none", 20), ("threads 2-2", 20), ("local workers", 4)]
)
def test_killed_at_random_moments(folder: Path, style: str, kills: int) -> None:
    expected, seconds = undisturbed(folder, style)
    moments = random.Random(20)
    for _ in range(kills):
        kill_after(folder, style, moments.uniform(0, 1.1 * seconds))
        assert whole(folder) in (None, expected)
        check_goes_on(folder, style, expected)
        for path in folder.glob("out.*"):
            path.unlink()


def old_output(folder: Path) -> Any:
    """Make an output of another job, and return all that is to be seen of it."""
    _, infiles, outfiles, other, controls = job(folder, "none")
    controls.setResume(False)

    def triple(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        outputs.result = inputs.image * 3

    engine.apply(triple, infiles, outfiles, other, controls)
    return whole(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "number"),
    [
        ("Journal.checkpoint", 1),
        ("Journal.checkpoint", 3),
        ("Checkpoints.all_written", 1),
        ("pour_overviews", 1),
        ("close_written", 1),
        ("close_written", 2),
    ],
)
@pytest.mark.parametrize("side", ["before", "after"])
def test_killed_at_a_certain_point(folder: Path, point: str, number: int, side: str) -> None:
    expected, _ = undisturbed(folder, "none")
    old = old_output(folder)
    assert child(folder, "none", point, str(number), side).ended() == DEAD
    assert whole(folder) == old
    check_goes_on(folder, "none", expected)


@pytest.mark.slow
def test_killed_at_every_change_of_the_directory(folder: Path) -> None:
    points = "os.replace,os.rename,os.unlink,os.remove,os.rmdir,shutil.rmtree"
    expected, _ = undisturbed(folder, "threads 2-2")
    for number in itertools.count(1):
        old = old_output(folder)
        status = child(folder, "threads 2-2", points, str(number), "before").ended()
        assert whole(folder) in (None, old, expected), number
        check_goes_on(folder, "threads 2-2", expected)
        if status == 0:
            break
        assert status == DEAD
    # at least to replace two files, and to remove what is no longer needed
    assert number > 3


@pytest.mark.slow
@pytest.mark.parametrize("style", ["none", "threads 2-2", "workers that read"])
def test_killed_again_and_again(folder: Path, style: str) -> None:
    expected, _ = undisturbed(folder, style)
    for where in (
        ("Journal.checkpoint", "1", "before"),
        ("Journal.checkpoint", "1", "after"),
        ("Journal._scan", "1", "after"),
        ("Journal.add", "1", "after"),
        ("Journal.replay", "1", "after"),
        ("pour_overviews", "1", "before"),
    ):
        assert child(folder, style, *where).ended() == DEAD
        assert whole(folder) is None
    check_goes_on(folder, style, expected)


@pytest.mark.parametrize("style", STYLES)
def test_only_what_is_missing_is_computed_again(
    folder: Path, style: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # workers take several blocks at a time, and a checkpoint waits for all of them
    done = 14 if "workers" in style else 7
    broken_off(folder, style, done, monkeypatch)
    assert names(folder) == {"in.tif", ".out.tif.rios_flows"}
    function, infiles, outfiles, other, controls = job(folder, style)
    with caplog.at_level(logging.INFO):
        rtn = engine.apply(function, infiles, outfiles, other, controls)
    computed = {record.block for record in rtn.records if record.stage == "compute"}
    # with two compute lanes the last checkpoint may have waited for the block that broke off
    assert BLOCKS - done <= len(computed) < BLOCKS
    assert f"{BLOCKS - len(computed)} of {BLOCKS} blocks" in caplog.text
    assert sum(copy.blocks for copy in rtn.otherArgsList) == BLOCKS
    if style.startswith("none"):
        assert len(computed) == BLOCKS - done
        assert rtn.otherArgsList[0] is other
    np.testing.assert_array_equal(
        read_raster(folder / "out.tif"), 2 * coordinates(1, ROWS, COLS, "int32")
    )
    assert names(folder) == {"in.tif", "out.tif", "out.tif.aux.xml"}


def test_what_a_killed_run_has_left_is_cleared_by_the_next(folder: Path) -> None:
    kill_after(folder, "none", 0.15)
    function, infiles, outfiles, other, controls = job(folder, "none")
    controls.setResume(False)
    rtn = engine.apply(function, infiles, outfiles, other, controls)
    assert sum(record.stage == "compute" for record in rtn.records) == BLOCKS
    assert names(folder) == {"in.tif", "out.tif", "out.tif.aux.xml"}
