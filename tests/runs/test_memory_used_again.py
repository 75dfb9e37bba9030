"""Arrays of a user function that it fills again, or hands over as lists and stacks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rios_flows import engine, rioserrors
from rios_flows.controls.associations import BlockAssociations
from rios_flows.runs.userfunction import detached
from tests.support.rasters import Array, read_raster
from tests.support.styles import STYLES
from tests.support.unusual import WINDOW, Job, same


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    return Job(tmp_path, request.param)


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
