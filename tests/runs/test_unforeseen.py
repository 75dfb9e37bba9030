"""What users do that nobody thought of; each once gave wrong pixels, hung or told little."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import engine, rioserrors
from rios_flows.inputs.reading import BlockMemoryError
from rios_flows.structures import ConcurrencyStyle
from tests.support.rasters import Array, read_raster, write_raster
from tests.support.styles import STYLES
from tests.support.unusual import Job, same

#: What a user function adds; a test changes it between two runs.
ADDED = 1


def double(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image * 2


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    return Job(tmp_path, request.param)


def test_another_directory_in_the_user_function(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rios_flows.runs.blockwork.handles_per_lane", lambda lanes: 1)
    (tmp_path / "other").mkdir()
    for name in ("in.tif", "second.tif"):
        write_raster(tmp_path / "other" / name, 255 - job.pixels)
    write_raster(tmp_path / "second.tif", job.pixels)
    job.infiles.image, job.infiles.second, job.outfiles.result = "in.tif", "second.tif", "out.tif"

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        os.chdir(tmp_path / "other")
        assert info.getFilenameFor(inputs.second) == "second.tif"
        outputs.result = inputs.image

    assert np.array_equal(job.run(function), job.pixels)


def test_a_pipe_is_no_input(tmp_path: Path) -> None:
    job = Job(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    job.infiles.image = tmp_path / "pipe"
    with pytest.raises(rioserrors.FileOpenError, match="it is a pipe"):
        job.run(same)


@pytest.mark.parametrize("name", ["a\0b.tif", "a\udcff.tif"])
@pytest.mark.parametrize("files", ["infiles", "outfiles"])
def test_names_that_no_file_can_have(tmp_path: Path, name: str, files: str) -> None:
    job = Job(tmp_path)
    getattr(job, files).image = name
    job.refuses(same, rioserrors.ParameterError, "holds a character")


class Untold(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Untouchable(Untold):
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.parametrize("error", [Untold, Untouchable])
@pytest.mark.parametrize("retries", [0, 1])
def test_errors_that_cannot_be_told(job: Job, error: type[Exception], retries: int) -> None:
    job.controls.setBlockRetries(retries, delay=0)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        raise error

    match = rf"block row 0, column \d.*{error.__name__}: \(its text is not known"
    job.refuses(function, rioserrors.WorkerExceptionError, match)


@pytest.mark.parametrize("leave", [lambda: None, lambda: sys.exit(3), lambda: 1 / 0])
def test_a_forked_process_that_comes_back(job: Job, leave: Callable[[], Any]) -> None:
    codes = []

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image
        if info.isFirstBlock():
            child = os.fork()
            if not child:
                leave()
                return
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    assert np.array_equal(job.run(function), job.pixels)
    assert codes[0] in (0, 1, 3)
    assert {path.name for path in job.folder.iterdir()} == {"in.tif", "out.tif"}


@pytest.mark.parametrize("seconds", [1e300, 1e10, np.float32(60)])
def test_odd_numbers_of_seconds(job: Job, seconds: Any) -> None:
    style = STYLES["threads 1-1"].__class__(**vars(job.controls.concurrency))
    for name in ("readBufferInsertTimeout", "readBufferPopTimeout", "computeBufferPopTimeout"):
        setattr(style, name, seconds)
    job.controls.setConcurrencyStyle(style)
    assert np.array_equal(job.run(same), job.pixels)


def test_a_margin_that_does_not_fit_into_memory(job: Job) -> None:
    job.controls.setOverlap(10**8)
    job.refuses(same, BlockMemoryError, "No memory for input 'image' at block row 0")


def breaks_off(info: Any) -> None:
    assert "ADVERSITY" not in os.environ or info.getBlockCount() != (1, 2)


def add(info: Any, inputs: Any, outputs: Any) -> None:
    breaks_off(info)
    outputs.result = plus(inputs.image)


def plus(pixels: Array) -> Array:
    return pixels + np.uint8(ADDED)


class Adder:
    def __init__(self, number: int) -> None:
        self.number = np.uint8(number)

    def __call__(self, info: Any, inputs: Any, outputs: Any) -> None:
        breaks_off(info)
        outputs.result = inputs.image + self.number

    def method(self, *given: Any) -> None:
        self(*given)


@pytest.mark.parametrize("kind", ["global", "object", "method"])
def test_what_a_function_depends_on_has_changed_since_the_run_broke_off(
    job: Job, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.controls.setResume(True, checkpointInterval=0)
    sources: dict[str, Callable[[int], Callable[..., None]]] = {
        "global": lambda number: add,
        "object": Adder,
        "method": lambda number: Adder(number).method,
    }
    monkeypatch.setenv("ADVERSITY", "yes")
    with pytest.raises(rioserrors.WorkerExceptionError):
        job.run(sources[kind](1))
    monkeypatch.delenv("ADVERSITY")
    monkeypatch.setattr(sys.modules[__name__], "ADDED", 2)
    assert np.array_equal(job.run(sources[kind](2)), job.pixels + np.uint8(2))


def test_resuming_with_what_cannot_be_put_back(job: Job) -> None:
    job.controls.setResume(True)
    job.refuses(same, rioserrors.ParameterError, "otherArgs is a tuple", (1, [2]))
    job.refuses(same, rioserrors.ParameterError, "cannot be saved", [threading.Lock()])
    assert np.array_equal(job.run(same, 5), job.pixels)


def test_other_args_that_can_no_longer_be_saved(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.controls.setResume(True, checkpointInterval=0)

    def function(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        other.append(lambda: None)
        outputs.result = inputs.image

    with pytest.raises(rioserrors.ParameterError, match="cannot be saved with the blocks any more"):
        job.run(function, [])


def test_a_pipe_in_the_place_of_an_output_stays(tmp_path: Path) -> None:
    job = Job(tmp_path)
    os.mkfifo(tmp_path / "pipe.tif")
    job.outfiles.result = tmp_path / "pipe.tif"
    with pytest.raises(rioserrors.ImageOpenError, match=r"pipe\.tif.*pipe or socket"):
        engine.apply(double, job.infiles, job.outfiles, controls=job.controls)
    assert (tmp_path / "pipe.tif").is_fifo()


def test_links_to_one_file_are_one_output(tmp_path: Path) -> None:
    job = Job(tmp_path)
    (tmp_path / "link.tif").symlink_to(tmp_path / "out.tif")
    job.outfiles.again = tmp_path / "link.tif"
    with pytest.raises(rioserrors.ParameterError, match="are the same file"):
        engine.apply(double, job.infiles, job.outfiles, controls=job.controls)


def test_a_warped_input_is_found_from_another_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tmp_path)
    write_raster(tmp_path / "coarse.tif", job.pixels[:, ::2, ::2], res=60.0)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    job.infiles.coarse = "coarse.tif"
    job.controls.setReferenceImage("image")

    def wanders(info: Any, inputs: Any, outputs: Any) -> None:
        os.chdir(tmp_path / "elsewhere")
        outputs.result = inputs.coarse

    plan = engine.prepare(wanders, job.infiles, job.outfiles, controls=job.controls)
    os.chdir(tmp_path / "elsewhere")
    engine.execute(plan)
    assert read_raster(tmp_path / "out.tif")[0, 4, 4] == job.pixels[0, 4, 4]


def test_ten_to_the_many_workers_are_refused() -> None:
    with pytest.raises(rioserrors.ParameterError, match=r"numReadWorkers=.* from 0 to"):
        ConcurrencyStyle(numReadWorkers=10**12)
    style = ConcurrencyStyle()
    style.computeWorkerKind = ["CW_THREADS"]  # type: ignore[assignment]
    with pytest.raises(rioserrors.ParameterError, match="computeWorkerKind"):
        style.check()
