"""A block that is tried again counts once in ``otherArgs``."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.inputs.reading import read_input
from rios_flows.runs import blockwork
from rios_flows.structures import OtherInputs
from tests.support.jobs import BLOCKS, SmallJob, double
from tests.support.styles import STYLES
from tests.support.unsteady import ALONE, SHARED, Unsteady


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path, STYLES[request.param])


def attributes(blocks: int) -> Any:
    other = OtherInputs()
    other.blocks, other.nested = blocks, {"blocks": [blocks]}
    return other


def add_to_attributes(other: Any) -> None:
    other.blocks += 1
    other.nested["blocks"][0] += 1


def add_to_item(other: Any) -> None:
    other[0] += 1


#: An object with nothing counted yet, how to count, and how to tell the count.
KINDS: dict[str, tuple[Callable[[], Any], Callable[[Any], None], Callable[[Any], set[int]]]] = {
    "attributes": (
        lambda: attributes(0),
        add_to_attributes,
        lambda other: {other.blocks, other.nested["blocks"][0]},
    ),
    "dict": (lambda: {0: 0}, add_to_item, lambda other: {other[0]}),
    "list": (lambda: [0], add_to_item, lambda other: {other[0]}),
    "array": (lambda: np.zeros(1, int), add_to_item, lambda other: {int(other[0])}),
    "set": (set, lambda other: other.add(object()), lambda other: {len(other)}),
}


@pytest.mark.parametrize("style", ALONE)
@pytest.mark.parametrize("kind", KINDS)
def test_each_block_counts_once(tmp_path: Path, style: str, kind: str) -> None:
    make, add, count = KINDS[kind]
    other, unsteady = make(), Unsteady(2)

    def counting(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        add(other)
        unsteady(info, inputs, outputs)

    job = SmallJob(tmp_path, STYLES[style])
    job.controls.setBlockRetries(userFunction=2, delay=0)
    rtn = job.run(counting, other)
    assert rtn.otherArgsList == [other]
    assert rtn.otherArgsList[0] is other
    assert count(other) == {BLOCKS}


@pytest.mark.parametrize("style", SHARED)
@pytest.mark.parametrize("kind", KINDS)
def test_each_block_counts_once_over_all_copies(tmp_path: Path, style: str, kind: str) -> None:
    make, add, count = KINDS[kind]
    other, unsteady = make(), Unsteady(2)

    def counting(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        add(other)
        unsteady(info, inputs, outputs)

    job = SmallJob(tmp_path, STYLES[style])
    job.controls.setBlockRetries(userFunction=2, delay=0)
    rtn = job.run(counting, other)
    assert len(rtn.otherArgsList) == STYLES[style].numComputeWorkers
    assert sum(max(count(mine)) for mine in rtn.otherArgsList) == BLOCKS
    assert sum(min(count(mine)) for mine in rtn.otherArgsList) == BLOCKS
    assert count(other) == {0}


def test_what_failed_for_good_counts_for_nothing(tmp_path: Path) -> None:
    def counting(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        other.append(info.getBlockCount())
        unsteady(info, inputs, outputs)

    job, unsteady, done = SmallJob(tmp_path), Unsteady(100), list[Any]()
    job.controls.setBlockRetries(userFunction=1, delay=0)
    with pytest.raises(rioserrors.WorkerExceptionError):
        job.run(counting, done)
    # row by row, up to the block before the bad one
    assert done == [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1)]


class Costly:
    """Counts how often it is copied."""

    def __init__(self) -> None:
        self.copies = [0]

    def __deepcopy__(self, memo: dict[int, Any]) -> Costly:
        self.copies[0] += 1
        return copy.copy(self)


@pytest.mark.parametrize(
    ("style", "tries", "copies"),
    [
        ("none", 0, 0),
        ("none, 2 readers", 0, 0),
        ("threads 2-2", 0, 2),
        # once more before the run: to refuse what cannot be put back
        ("none", 1, 1 + BLOCKS),
        ("threads 2-2", 1, 1 + 2 + BLOCKS),
    ],
)
def test_nothing_is_copied_for_a_block_without_retries(
    tmp_path: Path, style: str, tries: int, copies: int
) -> None:
    other = OtherInputs()
    other.table = Costly()
    job = SmallJob(tmp_path, STYLES[style])
    job.controls.setBlockRetries(userFunction=tries, delay=0)
    job.run(Unsteady(0), other)
    assert other.table.copies == [copies]


def test_the_input_is_not_copied_without_retries(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    got: list[Any] = []

    def watched(*arguments: Any) -> Any:
        read.append(read_input(*arguments))
        return read[-1]

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        got.append(inputs.image)
        double(info, inputs, outputs)

    monkeypatch.setattr(blockwork, "read_input", watched)
    job.run(function)
    assert {id(array) for array in got} == {id(array) for array in read}


@pytest.mark.parametrize("style", ALONE)
def test_others_who_hold_a_part_see_the_same(tmp_path: Path, style: str) -> None:
    counts, unsteady = {"blocks": 0}, Unsteady(2)
    other = OtherInputs()
    other.report = [{"counts": counts}]

    def counting(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        other.report[0]["counts"]["blocks"] += 1
        unsteady(info, inputs, outputs)

    job = SmallJob(tmp_path, STYLES[style])
    job.controls.setBlockRetries(userFunction=2, delay=0)
    job.run(counting, other)
    assert counts == {"blocks": BLOCKS}
    assert other.report[0]["counts"] is counts


def test_state_that_cannot_be_put_back(tmp_path: Path) -> None:
    other = OtherInputs()
    other.tables = [OtherInputs()]
    other.tables[0].lock = threading.Lock()
    job = SmallJob(tmp_path)
    job.run(Unsteady(0), other)
    job.controls.setBlockRetries(userFunction=1)
    calls: list[Any] = []
    with pytest.raises(rioserrors.ParameterError, match=r"otherArgs\.tables\[0\]\.lock cannot be"):
        job.run(calls.append, other)
    assert not calls
    job.controls.setBlockRetries(userFunction=0)
    job.controls.setConcurrencyStyle(STYLES["threads 1-1"])
    with pytest.raises(rioserrors.ParameterError, match="otherArgs cannot be copied for each"):
        job.run(Unsteady(0), other)
