"""When the journal is made safe: never while a block is half counted."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from rios_flows.runs.checkpoints import Checkpoints
from rios_flows.runs.clock import RunClock
from rios_flows.runs.resume.journal import Journal
from rios_flows.runs.stop import LaneStopped, Stop


class Record:
    """Stands for a journal, and notes what it is told to save."""

    def __init__(self, due: bool = True) -> None:
        self.due = due
        self.saved: list[list[Any]] = []

    def checkpoint(self, other_args: list[Any]) -> None:
        self.saved.append([dict(item) for item in other_args])


class Set:
    """Checkpoints with what they need."""

    def __init__(self, due: bool = True) -> None:
        self.record = Record(due)
        self.other_args = [{"blocks": 0}, {"blocks": 0}]
        self.stop = Stop()
        self.clock = RunClock(holds=0)
        journal = cast(Journal, self.record)
        self.checkpoints = Checkpoints(journal, lambda: self.other_args, self.stop, self.clock)


def test_nothing_is_saved_before_it_is_due() -> None:
    these = Set(due=False)
    these.checkpoints.take_block()
    these.checkpoints.block_written()
    assert these.record.saved == []
    these.checkpoints.all_written()
    assert len(these.record.saved) == 1


def test_where_one_lane_does_it_all_every_block_is_a_good_moment() -> None:
    these = Set()
    for number in (1, 2):
        these.checkpoints.take_block()
        these.other_args[0]["blocks"] = number
        these.checkpoints.block_written()
    assert [saved[0]["blocks"] for saved in these.record.saved] == [1, 2]


def test_lanes_rest_until_all_that_is_in_hand_is_written() -> None:
    these = Set()
    these.checkpoints.take_block()
    these.checkpoints.take_block()
    these.checkpoints.block_written()
    # the other block may have changed otherArgs already
    assert these.record.saved == []
    with ThreadPoolExecutor(1) as pool:
        third = pool.submit(these.checkpoints.take_block)
        time.sleep(0.05)
        assert not third.done()
        these.checkpoints.block_written()
        third.result(10)
    assert len(these.record.saved) == 1


@pytest.mark.alone
def test_the_clock_rests_while_lanes_do() -> None:
    these = Set()
    these.checkpoints.take_block()
    these.checkpoints.take_block()
    before = these.clock.now()
    these.checkpoints.block_written()
    time.sleep(0.05)
    assert these.clock.now() - before < 0.04
    these.checkpoints.block_written()
    time.sleep(0.05)
    assert these.clock.now() - before >= 0.04


def test_a_failure_wakes_lanes_that_rest() -> None:
    these = Set()
    these.checkpoints.take_block()
    these.checkpoints.take_block()
    these.checkpoints.block_written()
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(these.checkpoints.take_block)
        these.stop.fail(ValueError("too bad"))
        with pytest.raises(LaneStopped):
            waits.result(10)


def test_what_is_saved_knows_of_just_the_blocks_in_the_journal() -> None:
    these = Set()
    written, lock = [0], threading.Lock()
    ends = time.monotonic() + 0.3

    def compute(other: dict[str, int]) -> None:
        while time.monotonic() < ends:
            these.checkpoints.take_block()
            other["blocks"] += 1
            with lock:  # the one lane that writes
                written[0] += 1
                these.checkpoints.block_written()
                for saved in these.record.saved:
                    assert sum(item["blocks"] for item in saved) <= written[0]
                if these.record.saved:
                    last = sum(item["blocks"] for item in these.record.saved[-1])
                    assert last <= written[0]
                these.record.saved[:-1] = []

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(compute, other) for other in these.other_args]:
            done.result(30)
    these.checkpoints.all_written()
    assert sum(item["blocks"] for item in these.record.saved[-1]) == written[0] > 0
