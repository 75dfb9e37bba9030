"""Who reads what: blocks in order, and the same files for the same lane."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, cast

import pytest

from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
from rios_flows.runs.turns import ReadTurns

BLOCKS = BlockGrid(40, 10, (10, 10))


def turns_of(inputs: int, lanes: int) -> Any:
    return ReadTurns(BLOCKS, cast(Any, list(range(inputs))), lanes)


class Begun:
    def __init__(self) -> None:
        self.blocks: list[ApplierBlockDefn] = []

    def __call__(self, block: ApplierBlockDefn) -> None:
        self.blocks.append(block)

    def at_once(self, block: ApplierBlockDefn) -> bool:
        self.blocks.append(block)
        return True


def no_room(block: ApplierBlockDefn) -> bool:
    return False


def nothing(block: ApplierBlockDefn) -> None:
    """Begin a block without waiting."""


@pytest.mark.parametrize("inputs", [1, 2, 3, 7])
@pytest.mark.parametrize("lanes", [1, 2, 4])
@pytest.mark.parametrize("room", [True, False])
def test_each_input_of_each_block_once(inputs: int, lanes: int, room: bool) -> None:
    turns, begun, taken = turns_of(inputs, lanes), Begun(), []
    asking = 0
    while (turn := turns.take(asking, begun, begun.at_once if room else no_room)) is not None:
        assert turn[0] in begun.blocks
        taken.append(turn)
        asking = (asking * 5 + 3) % lanes
    assert begun.blocks == list(BLOCKS)
    assert sorted(taken) == [(block, item) for block in BLOCKS for item in range(inputs)]
    assert turns.take(0, begun) is None


def test_without_room_no_block_begins_before_all_of_the_last_is_taken() -> None:
    turns, begun = turns_of(3, 2), Begun()
    for number in range(9):
        turns.take(0, begun, no_room)
        assert len(begun.blocks) == number // 3 + 1


def test_with_room_each_lane_has_files_of_its_own() -> None:
    turns, files = turns_of(6, 3), defaultdict(set)
    # the first one reads all of its files before the others begin
    for lane, reads in ((0, 8), (2, 2), (1, 8), (2, 6)):
        for _ in range(reads):
            turn = turns.take(lane, nothing, lambda block: True)
            assert turn is not None
            files[lane].add(turn[1])
    assert dict(files) == {0: {0, 3}, 1: {1, 4}, 2: {2, 5}}


def test_without_room_a_lane_takes_over_the_last_of_anothers() -> None:
    turns = turns_of(8, 2)
    for block in BLOCKS:
        quick = [turns.take(0, nothing, no_room) for _ in range(6)]
        slow = [turns.take(1, nothing, no_room) for _ in range(2)]
        assert {turn[0] for turn in (*quick, *slow) if turn} == {block}
        assert [turn[1] for turn in quick if turn] == [0, 2, 4, 6, 7, 5]
        assert [turn[1] for turn in slow if turn] == [1, 3]


def test_without_inputs_a_block_is_a_turn() -> None:
    turns, begun = turns_of(0, 2), Begun()
    taken = [turns.take(lane % 2, begun) for lane in range(len(BLOCKS) + 1)]
    assert taken == [*((block, None) for block in BLOCKS), None]
    assert begun.blocks == list(BLOCKS)


def test_nobody_waits_while_reads_are_left_that_may_make_room() -> None:
    turns = turns_of(2, 2)
    turns.take(0, nothing, no_room)

    def wait(block: ApplierBlockDefn) -> None:
        pytest.fail("the read of the other lane could never be taken")

    assert turns.take(0, wait, no_room) == (BLOCKS[0], 1)
