"""The further argument: whose object the user function gets, and what comes back."""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import Any

import pytest

from rios_flows.structures import OtherInputs
from tests.support.jobs import SmallJob, double
from tests.support.styles import STYLES


def add_up(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    double(info, inputs, outputs)
    other.total += int(inputs.image.sum())
    other.blocks.append(info.getBlockCount())


def counters() -> OtherInputs:
    other = OtherInputs()
    other.total, other.blocks, other.note = 0, [], {"keep": ["me"]}
    return other


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path, STYLES[request.param])


@pytest.mark.parametrize("style", ["none", "none, 2 readers"])
def test_one_loop_works_on_the_object_itself(tmp_path: Path, style: str) -> None:
    job, other = SmallJob(tmp_path, STYLES[style]), counters()
    rtn = job.run(add_up, other)
    assert len(rtn.otherArgsList) == 1
    assert rtn.otherArgsList[0] is other
    assert other.total == int(job.pixels.sum())
    # row by row whoever reads
    assert other.blocks == [(col, row) for row in range(3) for col in range(4)]


@pytest.mark.parametrize(("style", "workers"), [("threads 1-1", 1), ("threads 2-2", 2)])
def test_each_worker_has_a_copy(tmp_path: Path, style: str, workers: int) -> None:
    job, other = SmallJob(tmp_path, STYLES[style]), counters()
    before = copy.deepcopy(vars(other))
    rtn = job.run(add_up, other)
    assert vars(other) == before
    assert len(rtn.otherArgsList) == workers
    assert sum(mine.total for mine in rtn.otherArgsList) == int(job.pixels.sum())
    blocks = [block for mine in rtn.otherArgsList for block in mine.blocks]
    assert sorted(blocks) == sorted((col, row) for row in range(3) for col in range(4))
    objects = [other, *rtn.otherArgsList]
    for part in ("blocks", "note"):
        assert len({id(getattr(mine, part)) for mine in objects}) == workers + 1


def test_one_copy_is_used_by_one_thread(tmp_path: Path) -> None:
    def note_thread(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        double(info, inputs, outputs)
        other.blocks.append(threading.current_thread().name)

    rtn = SmallJob(tmp_path, STYLES["threads 2-2"]).run(note_thread, counters())
    threads = [set(mine.blocks) for mine in rtn.otherArgsList]
    assert threads[0] <= {"compute-0"}
    assert threads[1] <= {"compute-1"}


def test_without_it_the_function_gets_three_arguments(job: SmallJob) -> None:
    seen = set()

    def count_arguments(*arguments: Any) -> None:
        seen.add(len(arguments))
        double(*arguments)

    rtn = job.run(count_arguments)
    assert seen == {3}
    assert set(rtn.otherArgsList) == {None}


@pytest.mark.parametrize("empty", [0, "", [], {}], ids=repr)
def test_only_none_is_without(job: SmallJob, empty: Any) -> None:
    seen: list[Any] = []

    def function(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        seen.append(other)
        double(info, inputs, outputs)

    job.run(function, empty)
    assert seen == [empty] * 12


def test_what_the_function_returns_is_ignored(job: SmallJob) -> None:
    def returns(info: Any, inputs: Any, outputs: Any) -> str:
        double(info, inputs, outputs)
        return "nothing of interest"

    job.run(returns)
    assert (job.result() == job.pixels * 2).all()
