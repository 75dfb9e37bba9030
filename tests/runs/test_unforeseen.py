"""What users do that nobody thought of; each once gave wrong pixels, hung or told little."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rios_flows import engine, rioserrors
from rios_flows.controls.associations import BlockAssociations
from rios_flows.controls.controls import ApplierControls
from rios_flows.inputs.reading import BlockMemoryError
from rios_flows.runs.userfunction import detached
from rios_flows.structures import ConcurrencyStyle, FilenameAssociations
from tests.support.rasters import Array, coordinates, read_raster, write_raster
from tests.support.styles import STYLES

ROWS, COLS, WINDOW = 64, 48, 16

#: What a user function adds; a test changes it between two runs.
ADDED = 1


def double(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image * 2


class Job:
    """A few blocks; the output exists already."""

    def __init__(self, folder: Path, style: str = "none") -> None:
        self.folder = folder
        self.pixels = coordinates(1, ROWS, COLS, "uint8")
        self.infiles, self.outfiles = FilenameAssociations(), FilenameAssociations()
        self.infiles.image = write_raster(folder / "in.tif", self.pixels)
        self.outfiles.result = write_raster(folder / "out.tif", self.pixels[:, :20, :20])
        self.controls = ApplierControls()
        self.controls.setWindowSize(WINDOW, WINDOW)
        self.controls.setOutputDriverName("GTiff")
        self.controls.setConcurrencyStyle(STYLES[style])

    def run(self, function: Callable[..., Any], other_args: Any = None) -> Array:
        engine.apply(function, self.infiles, self.outfiles, other_args, self.controls)
        return read_raster(self.folder / "out.tif")

    def refuses(
        self, function: Callable[..., Any], error: type[Exception], match: str, other: Any = None
    ) -> None:
        before = self._files()
        with pytest.raises(error, match=match) as caught:
            self.run(function, other)
        assert isinstance(caught.value, rioserrors.RiosError)
        assert self._files() == before

    def _files(self) -> dict[str, bytes]:
        found = self.folder.rglob("*")
        return {str(path): path.read_bytes() if path.is_file() else b"" for path in found}


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    return Job(tmp_path, request.param)


def same(info: Any, inputs: Any, outputs: Any, *other: Any) -> None:
    outputs.result = inputs.image


def test_one_buffer_filled_again_and_again(job: Job) -> None:
    own = threading.local()

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        own.buffer = getattr(own, "buffer", np.empty((1, WINDOW, WINDOW), "uint8"))
        own.buffer[...] = inputs.image
        # the buffer itself, or a view of it
        outputs.result = own.buffer if info.isFirstBlock() else own.buffer[:, ::-1][:, ::-1]

    assert np.array_equal(job.run(function), job.pixels)


def test_a_tuple_in_place_of_a_list(job: Job) -> None:
    job.outfiles.result = [job.folder / "out.tif", job.folder / "out2.tif"]

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = (inputs.image, inputs.image)

    assert np.array_equal(job.run(function), job.pixels)


class Own(np.ndarray[Any, Any]):
    """An array of a class of the user's."""


def reused_mask(kept: Any, image: Array) -> Any:
    kept.mask[...] = image % 3 == 0
    return np.ma.MaskedArray(image.copy(), mask=kept.mask)


def reused_masked_array(kept: Any, image: Array) -> Any:
    kept.masked.data[...] = image
    kept.masked.mask[...] = image % 3 == 0
    return kept.masked


def reused_memory_map(kept: Any, image: Array) -> Any:
    kept.map[...] = image
    return kept.map


def reused_subclass(kept: Any, image: Array) -> Any:
    kept.array[...] = image
    return kept.array.view(Own)


def view_of_a_view(kept: Any, image: Array) -> Any:
    kept.array[...] = image[:, ::-1]
    return kept.array[:][:, ::-1]


def field_of_a_record(kept: Any, image: Array) -> Any:
    kept.record["pixels"] = image
    return kept.record["pixels"]


def bytes_from_elsewhere(kept: Any, image: Array) -> Any:
    kept.bytes[:] = image.tobytes()
    return np.frombuffer(kept.bytes, "uint8").reshape(image.shape)


REUSED = [
    *(reused_mask, reused_masked_array, reused_memory_map, reused_subclass, view_of_a_view),
    *(field_of_a_record, bytes_from_elsewhere),
]


def all_kinds_of_memory(folder: Path) -> Any:
    shape = (1, WINDOW, WINDOW)
    return SimpleNamespace(
        mask=np.zeros(shape, bool),
        masked=np.ma.MaskedArray(np.zeros(shape, "uint8"), mask=np.zeros(shape, bool)),
        map=np.memmap(folder / "map", "uint8", "w+", shape=shape),
        array=np.zeros(shape, "uint8"),
        record=np.zeros(shape, [("other", "uint8"), ("pixels", "uint8")]),
        bytes=bytearray(WINDOW * WINDOW),
    )


@pytest.mark.parametrize("fill", REUSED)
@pytest.mark.parametrize("style", ["none", "threads 1-1"])
def test_memory_that_is_used_again(tmp_path: Path, style: str, fill: Callable[..., Any]) -> None:
    job, kept = Job(tmp_path, style), all_kinds_of_memory(tmp_path)
    job.controls.setStatsIgnore(255)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = fill(kept, inputs.image)

    expected = job.pixels
    if "mask" in fill.__name__:
        expected = np.where(job.pixels % 3 == 0, np.uint8(255), job.pixels)
    assert np.array_equal(job.run(function), expected)


@pytest.mark.parametrize("style", ["none", "threads 1-1"])
def test_a_list_that_is_used_again(tmp_path: Path, style: str) -> None:
    job, arrays = Job(tmp_path, style), list[Any]([None])
    job.outfiles.result = [job.folder / "out.tif"]

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        arrays[0] = inputs.image
        outputs.result = arrays

    assert np.array_equal(job.run(function), job.pixels)


def test_what_is_handed_over_is_nobody_elses(tmp_path: Path) -> None:
    job, kept = Job(tmp_path), all_kinds_of_memory(tmp_path)
    planned = engine.prepare(same, job.infiles, job.outfiles, None, job.controls)
    image = job.pixels[:, :WINDOW, :WINDOW]
    for fill in REUSED:
        outputs = BlockAssociations(planned.plan.outfiles)
        outputs.result = fill(kept, image)
        before = outputs.result.copy()
        own = detached(planned.plan, outputs).result
        for memory in (kept.map, kept.array, kept.mask, kept.record, kept.masked.data):
            assert not np.may_share_memory(own, memory)
        if np.ma.isMA(own):
            assert not np.may_share_memory(own.mask, outputs.result.mask)
            assert np.array_equal(own.mask, before.mask)
            outputs.result.fill_value = 7
            assert own.fill_value == before.fill_value != 7
        assert np.array_equal(own, before)


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


@pytest.mark.parametrize("style", STYLES)
def test_a_list_of_outputs_in_one_array(tmp_path: Path, style: str) -> None:
    job = Job(tmp_path, style)
    paths = [tmp_path / f"{number}.tif" for number in range(3)]
    job.outfiles.several = paths

    def stack(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image
        cube = np.array([inputs.image, inputs.image + 1, inputs.image + 2])
        outputs.several = cube[::-1] if info.isFirstBlock() else np.ma.array(cube[::-1])

    job.run(stack)
    for number, path in enumerate(paths):
        np.testing.assert_array_equal(read_raster(path), job.pixels + 2 - number)


@pytest.mark.parametrize(
    ("leave", "words"),
    [
        (lambda image: image, r"'several' at block row 0, column 0 is a ndarray of shape \(1, 16,"),
        (lambda image: {0: image, 1: image}, "is a dict, and outfiles has 2 files for it: a list"),
        (lambda image: iter([image, image]), "is a list_iterator, and outfiles has 2 files"),
    ],
)
def test_a_list_of_outputs_in_what_is_no_list(
    tmp_path: Path, leave: Callable[[Any], Any], words: str
) -> None:
    job = Job(tmp_path)
    job.outfiles.several = [tmp_path / "a.tif", tmp_path / "b.tif"]

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image
        outputs.several = leave(inputs.image)

    job.refuses(function, rioserrors.TypeConversionError, words)


def test_a_stack_of_too_few_outputs(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.outfiles.several = [tmp_path / "a.tif", tmp_path / "b.tif"]

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image
        outputs.several = inputs.image[np.newaxis]

    job.refuses(function, rioserrors.KeysMismatch, r"several\[1\]")
