"""Who reads what: blocks in order, the same files for the same lane, and no lane waits in vain."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from typing import Any, cast

import pytest

from rios_flows import rioserrors
from rios_flows.controls.concurrency import Timeouts
from rios_flows.geometry.grid import BlockGrid
from rios_flows.runs.readbuffer import ReadBuffer
from tests.support.buffered import LONG, Elsewhere, array, files

BLOCKS = list(BlockGrid(80, 10, (10, 10)))


class Reads:
    """A read buffer, whose inputs are numbers."""

    def __init__(self, inputs: int, lanes: int, insert: float | None = 0.05) -> None:
        names = files(dates=[f"{number}.tif" for number in range(inputs)])
        limits = Timeouts(read_insert=insert, read_pop=LONG)
        self.buffer = ReadBuffer(BLOCKS, cast(Any, tuple(range(inputs))), names, lanes, limits)

    def take(self, lane: int) -> Any:
        return self.buffer.take_turn(lane, contextlib.nullcontext())

    def read(self, turn: Any) -> None:
        block, item = turn
        if item is not None:
            self.buffer.addBlockData(block, "dates", item, array(item))

    def read_all(self, lane: int) -> list[Any]:
        taken = []
        while (turn := self.take(lane)) is not None:
            taken.append(turn)
            self.read(turn)
        return taken


@pytest.mark.parametrize("inputs", [1, 2, 3, 7])
@pytest.mark.parametrize("lanes", [1, 2, 4])
@pytest.mark.parametrize("insert", [LONG, None])
def test_each_input_of_each_block_once(inputs: int, lanes: int, insert: float | None) -> None:
    reads = Reads(inputs, lanes, insert)
    readers = [Elsewhere(reads.read_all, lane) for lane in range(lanes)]
    popped = [reads.buffer.popNextBlock() for _ in BLOCKS]
    taken = [turn for reader in readers for turn in reader.outcome()]
    assert sorted(taken) == [(block, item) for block in BLOCKS for item in range(inputs)]
    assert sorted(block for block, _ in popped) == BLOCKS
    assert all(
        [pixels[0, 0, 0] for pixels in arrays.dates] == list(range(inputs)) for _, arrays in popped
    )
    assert reads.take(0) is None


def test_with_room_each_lane_has_files_of_its_own() -> None:
    reads, found = Reads(6, 3), defaultdict(set)
    # the first one reads all of its files before the others begin
    for lane, turns in ((0, 8), (2, 2), (1, 8), (2, 6)):
        for _ in range(turns):
            found[lane].add(reads.take(lane)[1])
    assert dict(found) == {0: {0, 3}, 1: {1, 4}, 2: {2, 5}}


def test_without_room_a_lane_takes_over_the_last_of_anothers() -> None:
    # two lanes have room for four blocks
    reads = Reads(8, 2)
    quick = [reads.take(0) for _ in range(4 * 4 + 3)]
    assert quick[:16] == [(block, item) for block in BLOCKS[:4] for item in (0, 2, 4, 6)]
    assert quick[16:] == [(BLOCKS[3], item) for item in (7, 5, 3)]
    assert [reads.take(1) for _ in range(2)] == [(BLOCKS[0], 1), (BLOCKS[0], 3)]


def test_without_inputs_a_block_is_a_turn() -> None:
    reads = Reads(0, 2)
    for number, block in enumerate(BLOCKS):
        assert reads.take(number % 2) == (block, None)
        assert reads.buffer.popNextBlock()[0] == block
    assert reads.take(0) is None


def test_lanes_that_wait_for_room_share_the_next_block() -> None:
    reads = Reads(2, 2, insert=LONG)
    for _ in range(8):
        reads.read(reads.take(0))
    waiting = [Elsewhere(reads.take, lane) for lane in range(2)]
    assert all(lane.waits() for lane in waiting)
    # nobody holds what others need meanwhile, and one place is enough for both
    reads.buffer.popNextBlock()
    assert sorted(lane.outcome() for lane in waiting) == [(BLOCKS[4], 0), (BLOCKS[4], 1)]


def test_a_lane_that_waits_for_room_ends_when_another_has_the_last_block() -> None:
    reads = Reads(1, 2, insert=LONG)
    for _ in range(4):
        reads.read(reads.take(0))
    readers = [Elsewhere(reads.read_all, lane) for lane in range(2)]
    for _ in BLOCKS:
        reads.buffer.popNextBlock()
    assert sum(len(reader.outcome()) for reader in readers) == 4


def test_no_room_in_time() -> None:
    reads = Reads(1, 1)
    for _ in range(2):
        reads.read(reads.take(0))
    with pytest.raises(rioserrors.TimeoutError, match="readBufferInsertTimeout"):
        reads.take(0)


def test_closing_wakes_who_waits_for_room() -> None:
    reads = Reads(1, 2, insert=None)
    for _ in range(4):
        reads.read(reads.take(0))
    waiting = [Elsewhere(reads.take, lane) for lane in range(2)]
    assert all(lane.waits() for lane in waiting)
    reads.buffer.close(lambda: ZeroDivisionError("over"))
    assert all(isinstance(lane.outcome(), ZeroDivisionError) for lane in waiting)
    # and whoever comes later
    with pytest.raises(ZeroDivisionError):
        reads.take(0)
