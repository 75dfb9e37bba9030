"""The buffers between lanes: bounded, in order of completion, and nobody waits for nothing."""

from __future__ import annotations

import builtins
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.runs.buffers import BlockBuffer
from rios_flows.structures import ApplierBlockDefn, BlockAssociations
from tests.support.buffered import (
    BLOCKS,
    LONG,
    ONE,
    THREE,
    A,
    B,
    C,
    D,
    E,
    Elsewhere,
    array,
    buffer,
    data,
    files,
    reserve,
)

pytestmark = pytest.mark.alone


@pytest.mark.parametrize(("workers", "capacity"), [(0, 2), (1, 2), (2, 4), (5, 10)])
@pytest.mark.parametrize("way", ["reserve", "addBlockData", "insertCompleteBlock"])
def test_room_for_twice_the_workers(workers: int, capacity: int, way: str) -> None:
    buffered = buffer(THREE, workers, insert=0.05)
    ways: dict[str, Callable[[ApplierBlockDefn], None]] = {
        "reserve": lambda block: reserve(buffered, block),
        "addBlockData": lambda block: buffered.addBlockData(block, "image", None, array(1)),
        "insertCompleteBlock": lambda block: buffered.insertCompleteBlock(block, data(1)),
    }
    for block in BLOCKS[:capacity]:
        ways[way](block)
    start = time.perf_counter()
    with pytest.raises(rioserrors.TimeoutError) as caught:
        ways[way](BLOCKS[capacity])
    assert 0.05 <= time.perf_counter() - start < 1
    assert str(caught.value) == (
        "Timeout acquiring access to BlockBuffer. Try increasing readBufferInsertTimeout "
        "(current value = 0.05)"
    )
    assert isinstance(caught.value, builtins.TimeoutError)


def quick(small: int, insert: float = 0.05, nbytes: int = 512) -> BlockBuffer:
    """Return a buffer that many blocks have passed quickly, the first of them of this size."""
    buffered = BlockBuffer(ONE, 1, insert, 0.05, "read", smallBlocksBytes=small)
    first = BlockAssociations(ONE)
    first.image = np.zeros((1, 1, nbytes), np.uint8)
    for arrays in (first, *[data(1)] * 40):
        buffered.insertCompleteBlock(A, arrays)
        buffered.popNextBlock()
    return buffered


def room_of(buffered: BlockBuffer) -> int:
    for number, block in enumerate(BLOCKS):
        try:
            buffered.insertCompleteBlock(block, data(1))
        except rioserrors.TimeoutError:
            return number
    raise AssertionError("no bound")


@pytest.mark.parametrize(
    ("small", "capacity"), [(0, 2), (1023, 2), (3 * 512, 3), (10 * 512, 10), (2**30, 64)]
)
def test_room_for_more_blocks_while_they_are_small_and_quick(small: int, capacity: int) -> None:
    assert array(1).nbytes == 512
    assert room_of(quick(small)) == capacity


def test_the_largest_block_decides_how_many_are_small() -> None:
    assert room_of(quick(8 * 512, nbytes=1024)) == 4


def test_no_more_room_before_it_is_known_that_blocks_are_quick() -> None:
    assert room_of(BlockBuffer(ONE, 1, 0.05, 0.05, "read", smallBlocksBytes=2**30)) == 2


def test_no_more_room_when_blocks_are_slow_again() -> None:
    buffered = quick(2**30)
    buffered.insertCompleteBlock(A, data(1))
    time.sleep(0.1)
    buffered.popNextBlock()
    assert room_of(buffered) == 2


def test_who_waits_for_room_among_small_blocks_finds_some_for_a_while() -> None:
    buffered = quick(8 * 512, insert=LONG)
    for block in BLOCKS[:8]:
        buffered.insertCompleteBlock(block, data(1))
    job = Elsewhere(reserve, buffered, BLOCKS[8])
    time.sleep(0.02)
    for _ in range(3):
        buffered.popNextBlock()
    time.sleep(0.02)
    buffered.popNextBlock()
    assert job.outcome() is None


def test_room_among_small_blocks_is_found_in_time() -> None:
    buffered = quick(8 * 512, insert=0.3)
    for block in BLOCKS[:8]:
        buffered.insertCompleteBlock(block, data(1))
    job = Elsewhere(reserve, buffered, BLOCKS[8])
    time.sleep(0.02)
    buffered.popNextBlock()
    # nobody is woken for one place, but the timeout finds it
    assert job.outcome() is None


@pytest.mark.parametrize("way", ["reserve", "addBlockData", "insertCompleteBlock"])
def test_none_waits_for_room_until_there_is_some(way: str) -> None:
    buffered = buffer(insert=None)
    buffered.insertCompleteBlock(A, data(1))
    buffered.insertCompleteBlock(B, data(2))
    ways: dict[str, Callable[[], None]] = {
        "reserve": lambda: reserve(buffered, C),
        "addBlockData": lambda: buffered.addBlockData(C, "image", None, array(3)),
        "insertCompleteBlock": lambda: buffered.insertCompleteBlock(C, data(3)),
    }
    job = Elsewhere(ways[way])
    assert job.waits()
    assert buffered.popNextBlock()[0] == A
    assert job.outcome() is None


def test_a_block_that_is_there_needs_no_more_room() -> None:
    buffered = buffer(THREE)
    reserve(buffered, A)
    buffered.addBlockData(B, "image", None, array(1))
    for block in (A, B):
        buffered.addBlockData(block, "image", None, array(2))
        buffered.addBlockData(block, "dates", 0, array(2))
        buffered.addBlockData(block, "dates", 1, array(2))
    assert [buffered.popNextBlock()[0] for _ in range(2)] == [A, B]


def test_two_that_wait_with_arrays_of_the_same_new_block() -> None:
    buffered = buffer(files(a="a", b="b"), insert=LONG)
    buffered.insertCompleteBlock(A, data(1))
    buffered.insertCompleteBlock(B, data(2))
    jobs = [Elsewhere(buffered.addBlockData, C, name, None, array(3)) for name in ("a", "b")]
    assert all(job.waits() for job in jobs)
    # one place for the two of them
    buffered.popNextBlock()
    assert [job.outcome() for job in jobs] == [None, None]
    arrays = buffered.popCompleteBlock(C)
    assert arrays.a[0, 0, 0] == arrays.b[0, 0, 0] == 3


def test_a_complete_block_in_place_of_one_that_is_not() -> None:
    buffered = buffer(THREE)
    buffered.addBlockData(A, "image", None, array(1))
    buffered.insertCompleteBlock(A, data(2))
    buffered.insertCompleteBlock(A, data(3))
    assert buffered.popNextBlock()[1].image[0, 0, 0] == 3
    with pytest.raises(rioserrors.TimeoutError):
        buffered.popNextBlock()


def test_blocks_come_out_as_they_were_completed() -> None:
    buffered = buffer(THREE, workers=2)
    for block in (A, B, C):
        buffered.addBlockData(block, "image", None, array(1))
    buffered.insertCompleteBlock(D, data(4))
    for block in (C, A, B):
        buffered.addBlockData(block, "dates", 0, array(1))
        buffered.addBlockData(block, "dates", 1, array(1))
    assert buffered.numBlocksPopped == 0
    assert [buffered.popNextBlock()[0] for _ in range(4)] == [D, C, A, B]
    assert buffered.numBlocksPopped == 4


def test_a_chosen_block_leaves_the_order_of_the_others() -> None:
    buffered = buffer(workers=2)
    for number, block in enumerate((A, B, C, D)):
        buffered.insertCompleteBlock(block, data(number))
    assert buffered.popCompleteBlock(C).image[0, 0, 0] == 2
    assert [buffered.popNextBlock()[0] for _ in range(3)] == [A, B, D]
    # and its place is free
    buffered.insertCompleteBlock(C, data(5))
    assert buffered.popNextBlock()[1].image[0, 0, 0] == 5


def test_waiting_for_one_block_until_it_is_complete() -> None:
    buffered = buffer(THREE, workers=2, pop=LONG)
    buffered.addBlockData(A, "image", None, array(1))
    buffered.insertCompleteBlock(B, data(2))
    popping = Elsewhere(lambda: buffered.popCompleteBlock(A))
    waiting = Elsewhere(lambda: buffered.waitCompletion(A, LONG))
    assert popping.waits()
    assert waiting.waits()
    buffered.addBlockData(A, "dates", 0, array(1))
    buffered.addBlockData(A, "dates", 1, array(1))
    assert len(popping.outcome()) == 3
    assert buffered.popNextBlock()[0] == B


def test_wait_completion_takes_nothing_out() -> None:
    buffered = buffer()
    reserve(buffered, A)
    start = time.perf_counter()
    assert buffered.waitCompletion(A, 0.05) is False
    assert 0.05 <= time.perf_counter() - start < 1
    buffered.addBlockData(A, "image", None, array(1))
    assert buffered.waitCompletion(A) is True
    assert buffered.waitCompletion(A, 0) is True
    assert buffered.waitCompletion(B, 0) is False
    assert buffered.numBlocksPopped == 0
    assert buffered.popNextBlock()[0] == A


@pytest.mark.parametrize("kind", ["read", "compute"])
def test_names_of_timeouts(kind: str) -> None:
    buffered = buffer(kind=kind)
    assert buffered.timeoutName("Insert") == f"{kind}BufferInsertTimeout"
    assert buffered.timeoutName("Pop") == f"{kind}BufferPopTimeout"


@pytest.mark.parametrize("chosen", [False, True])
def test_nothing_to_pop(chosen: bool) -> None:
    buffered = buffer(kind="compute")
    buffered.insertCompleteBlock(A, data(1))
    buffered.popNextBlock()
    reserve(buffered, B)
    start = time.perf_counter()
    with pytest.raises(rioserrors.TimeoutError) as caught:
        buffered.popCompleteBlock(B) if chosen else buffered.popNextBlock()
    assert 0.05 <= time.perf_counter() - start < 1
    assert str(caught.value) == (
        "BlockBuffer timeout. Number of blocks already popped: 1. "
        "Try increasing computeBufferPopTimeout (current value = 0.05)"
    )


@pytest.mark.parametrize("chosen", [False, True])
def test_none_waits_for_a_block_until_there_is_one(chosen: bool) -> None:
    buffered = buffer(pop=None)
    job = Elsewhere(lambda: buffered.popCompleteBlock(A) if chosen else buffered.popNextBlock()[1])
    assert job.waits()
    buffered.insertCompleteBlock(A, data(7))
    assert job.outcome().image[0, 0, 0] == 7


def test_closing_wakes_everybody_at_once() -> None:
    buffered = buffer(insert=None, pop=None)
    reserve(buffered, A)
    reserve(buffered, B)
    jobs = [
        Elsewhere(action)
        for action in (
            lambda: reserve(buffered, C),
            lambda: buffered.insertCompleteBlock(D, data(1)),
            lambda: buffered.addBlockData(E, "image", None, array(1)),
            buffered.popNextBlock,
            lambda: buffered.popCompleteBlock(A),
            lambda: buffered.waitCompletion(B),
        )
    ]
    assert all(job.waits() for job in jobs)
    buffered.close(lambda: ZeroDivisionError("over"))
    for job in jobs:
        error = job.outcome()
        assert isinstance(error, ZeroDivisionError)
        assert str(error) == "over"
    # and whoever comes later
    with pytest.raises(ZeroDivisionError):
        buffered.popNextBlock()
    with pytest.raises(ZeroDivisionError):
        buffered.insertCompleteBlock(C, data(1))


def test_what_ended_the_run_comes_before_a_block_that_is_ready() -> None:
    buffered = buffer()
    buffered.insertCompleteBlock(A, data(1))
    buffered.close(lambda: ZeroDivisionError("over"))
    with pytest.raises(ZeroDivisionError):
        buffered.popNextBlock()


def test_who_waits_for_one_block_does_not_take_the_wake_up_of_another() -> None:
    start = time.perf_counter()
    for _ in range(40):
        buffered = buffer(pop=LONG)
        # the first to wait is the first to be woken
        chosen = Elsewhere(buffered.popCompleteBlock, A)
        time.sleep(0.002)
        any_block = Elsewhere(buffered.popNextBlock)
        time.sleep(0.002)
        buffered.insertCompleteBlock(B, data(2))
        assert any_block.outcome()[0] == B
        buffered.insertCompleteBlock(A, data(1))
        assert chosen.outcome().image[0, 0, 0] == 1
    assert time.perf_counter() - start < 3


@pytest.mark.parametrize("in_order", [False, True])
def test_no_wake_up_is_lost(in_order: bool) -> None:
    # two places, and more who wait for them on either side
    buffered = buffer(insert=LONG, pop=LONG)
    to_insert, to_pop, lock = iter(BLOCKS), iter(BLOCKS), threading.Lock()
    popped: list[ApplierBlockDefn] = []

    def insert() -> None:
        while True:
            with lock:
                block = next(to_insert, None)
                if block is None:
                    return
                # as the lanes do: whoever came later could fill the buffer with later blocks
                reserve(buffered, block)
            buffered.addBlockData(block, "image", None, array(block.left))

    def pop() -> None:
        for _ in range(len(BLOCKS) // 4):
            if in_order:
                block = next(to_pop)
                arrays = buffered.popCompleteBlock(block)
            else:
                block, arrays = buffered.popNextBlock()
            assert arrays.image[0, 0, 0] == block.left
            popped.append(block)

    start = time.perf_counter()
    jobs = [Elsewhere(action) for action in (insert, pop) for _ in range(4)]
    assert [job.outcome() for job in jobs] == [None] * 8
    assert time.perf_counter() - start < 3
    assert sorted(popped) == BLOCKS
    assert buffered.numBlocksPopped == len(BLOCKS)
