"""Publishing that is interrupted or killed, and cleaning up that fails."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.basics.errortext import outputs_after
from rios_flows.files.changelock import one_change
from rios_flows.outputs.outputfile import OutputFile
from rios_flows.outputs.publishing import moves
from rios_flows.outputs.publishing.staging import BesidePlace
from tests.support.jobs import SmallJob

SIDECARS = ("out.tif.aux.xml", "out.tif.ovr")


def fails(info: Any, inputs: Any, outputs: Any) -> None:
    raise ValueError("too bad")


@pytest.fixture
def job(tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path)


def twice(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image * 2
    outputs.second = inputs.image * 3


#: Run by a process of its own, since GDAL's threads do not outlive a fork.
SCRIPT = """
import itertools, os, sys
from pathlib import Path
from rios_flows import engine
from rios_flows.structures import FilenameAssociations
from tests.outputs.test_publish_interrupted import twice

infiles, outfiles = FilenameAssociations(), FilenameAssociations()
infiles.image = Path(sys.argv[1], "in.tif")
outfiles.result, outfiles.second = Path(sys.argv[1], "out.tif"), Path(sys.argv[1], "second.tif")
real, calls = os.replace, itertools.count(1)

def replace(source, target):
    if next(calls) == int(sys.argv[2]):
        os._exit(9)
    real(source, target)

os.replace = replace
engine.apply(twice, infiles, outfiles)
"""


@pytest.mark.parametrize("number", [1, 3, 4, 5, 6])
def test_killed_while_outputs_are_moved(job: SmallJob, number: int) -> None:
    job.outfiles.second = job.folder / "second.tif"
    for name in (*SIDECARS, "second.tif"):
        (job.folder / name).write_text("of the old one")
    before = job.files()
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", SCRIPT, str(job.folder), str(number)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    # two side-cars and the output go aside, the output comes in; the second one is linked
    assert done.returncode == (9 if number <= 5 else 0), done.stderr
    if done.returncode:
        with pytest.raises(rioserrors.WorkerExceptionError):
            job.run(fails)
        assert job.files() == before
        job.run(twice)
    assert set(job.files()) == {"in.tif", "out.tif", "second.tif"}
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_undoing_waits_for_whoever_changes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, undone = tmp_path / "out.tif", threading.Event()
    path.write_text("new")
    left = SimpleNamespace(undo=undone.set)
    monkeypatch.setattr(moves.Moves, "left_behind", lambda *_: left)
    thread = threading.Thread(target=lambda: BesidePlace(str(path)).release())
    with one_change(path):
        thread.start()
        assert not undone.wait(0.3)
    thread.join(30)
    assert undone.is_set()


def test_a_hidden_directory_that_cannot_be_cleared(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = job.folder / ".out.tif.rios_flows"
    (hidden / "new").mkdir(parents=True)

    def rmtree(*arguments: Any, **named: Any) -> None:
        raise OSError("on strike")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", rmtree)
        with pytest.raises(
            rioserrors.ImageOpenError,
            match=r"Unable to create '.*out\.tif' .*: on",
        ):
            job.run()
    # nobody holds it, this process neither
    job.run()
    assert set(job.files()) == {"in.tif", "out.tif"}


def test_no_room_for_the_first_directory(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.mkdir

    def mkdir(path: Path, *arguments: Any, **named: Any) -> None:
        if path.name == "new":
            raise OSError(errno.ENOSPC, "no room")
        real(path, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", mkdir)
        with pytest.raises(rioserrors.ImageOpenError, match=r"output 'result'.*no room"):
            job.run()
    assert job.files() == job.before
    job.run()


def test_all_outputs_are_released_even_if_one_fails(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = OutputFile.release

    def release(file: OutputFile, keep: bool = False) -> None:
        real(file, keep)
        if file.target.label == "result":
            raise RuntimeError("cannot let go")

    monkeypatch.setattr(OutputFile, "release", release)
    job.outfiles.second = job.folder / "second.tif"
    with pytest.raises(RuntimeError, match="cannot let go"):
        job.run(fails)
    assert job.files() == job.before


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("moment", range(3))
def test_ctrl_c_during_the_cleaning_up(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch, moment: int, times: int
) -> None:
    pressed = iter([False] * moment + [True] * times)

    def interrupted(real: Callable[..., Any]) -> Callable[..., Any]:
        def around(*arguments: Any, **named: Any) -> Any:
            result = real(*arguments, **named)
            if next(pressed, False):
                raise KeyboardInterrupt
            return result

        return around

    def cleaning(info: Any, inputs: Any, outputs: Any) -> None:
        for module, name in ((shutil, "rmtree"), (os, "unlink"), (os, "rmdir")):
            monkeypatch.setattr(module, name, interrupted(getattr(module, name)))
        raise ValueError("too bad")

    job.controls.setBlockRetries(userFunction=0)
    with pytest.raises((KeyboardInterrupt, rioserrors.WorkerExceptionError)):
        job.run(cleaning)
    monkeypatch.undo()
    assert job.files() == job.before
    job.run()


#: Run by a process of its own, whose descriptors it takes.
WITHOUT_DESCRIPTORS = """
import os, resource, sys
from pathlib import Path
from tests.support.jobs import SmallJob

resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
for left in range(16):
    for beforehand in (True, False):
        folder = Path(sys.argv[1], f"{left}-{beforehand}")
        folder.mkdir()
        job, taken = SmallJob(folder), []
        job.outfiles.result = [folder / "a.tif", folder / "b.tif"]

        def take():
            try:
                while True:
                    taken.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                for _ in range(left):
                    os.close(taken.pop())

        def function(info, inputs, outputs):
            outputs.result = [inputs.image] * 2
            if info.isFirstBlock() and not beforehand:
                take()

        prepared = job.prepare(function)
        if beforehand:
            take()
        try:
            job.execute(prepared)
            ended = "well"
        except OSError:
            ended = "failed"
        for handle in taken:
            os.close(handle)
        print(ended, *(name for name in os.listdir(folder) if name.startswith(".")))
"""


def test_no_descriptors_for_the_cleaning_up(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", WITHOUT_DESCRIPTORS, str(tmp_path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == {"well", "failed"}, done.stderr


@pytest.mark.parametrize("emptied", [True, False])
def test_a_journal_that_cannot_be_removed(
    job: SmallJob,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    emptied: bool,
) -> None:
    (job.folder / SIDECARS[0]).write_text("of the old one")
    before = job.files()

    def refused(real: Callable[..., Any]) -> Callable[..., Any]:
        def around(path: Any, *arguments: Any, **named: Any) -> Any:
            if Path(path).name == "publishing" and os.path.exists(path):
                raise OSError("on strike")
            return real(path, *arguments, **named)

        return around

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refused(os.unlink))
        if not emptied:
            patch.setattr(moves, "_private", refused(moves._private))
        job.run()
    assert ("may undo this one: on strike" in caplog.text) == (not emptied)
    # what the run has made stands, as it said
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    with pytest.raises(rioserrors.WorkerExceptionError):
        job.run(fails)
    if emptied:
        np.testing.assert_array_equal(job.result(), job.pixels * 2)
    else:
        assert job.files() == before


def test_ctrl_c_after_all_is_published(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    pressed = iter([KeyboardInterrupt()])
    real = BesidePlace.commit

    def commit(place: BesidePlace) -> None:
        for interruption in pressed:
            raise interruption
        real(place)

    monkeypatch.setattr(BesidePlace, "commit", commit)
    with pytest.raises(KeyboardInterrupt) as caught:
        job.run()
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    assert outputs_after(caught.value) == "Outputs: all are new, since the run was complete."
    assert set(job.files()) == {"in.tif", "out.tif"}


@pytest.mark.parametrize("error", [RuntimeError, SystemError, OSError])
def test_a_file_that_cannot_be_closed_when_it_is_thrown_away(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    class Broken:
        def __init__(self, dataset: Any) -> None:
            self._dataset = dataset

        def __getattr__(self, name: str) -> Any:
            return getattr(self._dataset, name)

        def close(self) -> None:
            self._dataset.close()
            raise error("GDAL has not told why")

    create = OutputFile._create

    def broken(self: OutputFile) -> None:
        create(self)
        own: Any = Broken(self._dataset)
        self._dataset = own

    with monkeypatch.context() as patch:
        patch.setattr(OutputFile, "_create", broken)
        patch.setattr(OutputFile, "gather", lambda *_: fails(None, None, None))
        # what has gone wrong is told, and the place is free
        with pytest.raises(ValueError, match="too bad"):
            job.run()
    assert job.files() == job.before
    job.run()
