"""Attempts at one block, in no run: what is tried again, and what is told of it."""

from __future__ import annotations

import itertools
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reports.records import Attempt, InHand, Step
from rios_flows.rioserrors import ImageReadError, WorkerExceptionError
from rios_flows.runs.attempts import Attempts
from rios_flows.runs.clock import RunClock
from rios_flows.runs.stop import LaneStopped, Stop

BLOCK = ApplierBlockDefn(0, 0, 8, 8)
READ, COMPUTE, WRITE = Step("read", "nir"), Step("compute", "f"), Step("write", "")


def raising(*errors: BaseException) -> Callable[[], tuple[str, int]]:
    """Return what raises these errors one after the other, and then is done."""
    left: Iterator[BaseException] = iter(errors)

    def action() -> tuple[str, int]:
        for error in left:
            raise error
        return "done", 64

    return action


class Tried:
    """What became of something that was tried."""

    def __init__(self, step: Step, errors: list[Any], further: int, delay: float = 0) -> None:
        self.made: list[Attempt] = []
        self.result: str | None = None
        self.error: BaseException | None = None
        try:
            self.result = Attempts(delay).make(step, BLOCK, raising(*errors), self.made, further)
        except BaseException as error:
            self.error = error

    @property
    def steps(self) -> list[Step]:
        return [step for step, *_ in self.made]


def test_what_goes_well_is_tried_once() -> None:
    before = time.perf_counter()
    tried = Tried(READ, [], 3)
    assert tried.result == "done"
    ((step, start, end, nbytes),) = tried.made
    assert (step, nbytes) == (READ, 64)
    assert before <= start <= end <= time.perf_counter()


@pytest.mark.parametrize(
    ("step", "error"), [(READ, ImageReadError), (COMPUTE, WorkerExceptionError)]
)
def test_what_may_pass_is_tried_again_after_a_while(step: Step, error: type[Exception]) -> None:
    tried = Tried(step, [error("one\nand more"), error("two")], 2, delay=0.05)
    assert tried.result == "done"
    assert tried.steps == [
        step._replace(error="one"),
        step._replace(attempt=2, error="two"),
        step._replace(attempt=3),
    ]
    for (_, _, end, _), (_, start, _, _) in itertools.pairwise(tried.made):
        assert start - end >= 0.05
    assert pickle.loads(pickle.dumps(tried.made)) == tried.made


@pytest.mark.parametrize(
    ("step", "error", "further"),
    [
        (READ, ImageReadError("away"), 0),
        (READ, MemoryError("too much"), 3),
        (COMPUTE, SystemExit("enough"), 3),
        (COMPUTE, ImageReadError("of a run within"), 3),
    ],
)
def test_what_no_further_try_mends_is_raised(step: Step, error: Any, further: int) -> None:
    tried = Tried(step, [error], further)
    assert tried.error is error
    assert tried.steps == [step._replace(error=str(error))]


def test_the_last_error_counts() -> None:
    errors = [ImageReadError(str(number)) for number in range(5)]
    tried = Tried(READ, errors, 2)
    assert tried.error is errors[2]
    assert [step.error for step in tried.steps] == ["0", "1", "2"]


def test_in_a_run_others_see_it_and_may_end_it() -> None:
    stop, clock, seen = Stop(), RunClock(), []
    in_hand: InHand = {}
    attempts = Attempts(60, "read-0", stop, clock, in_hand)

    def action() -> tuple[None, int]:
        step, block, since = in_hand["read-0"]
        seen.append((step, block))
        assert since <= time.perf_counter()
        threading.Timer(0.05, stop.fail, [ValueError("another lane's")]).start()
        raise ImageReadError("away")

    made: list[Attempt] = []
    with pytest.raises(LaneStopped, match="another lane's"):
        attempts.make(READ, BLOCK, action, made, 4)
    assert seen == [(READ, BLOCK)]
    assert len(made) == 1
    with pytest.raises(LaneStopped):
        attempts.make(WRITE, BLOCK, action, made)
    assert len(made) == 1
