"""Each block is handed out once, whoever asks."""

from __future__ import annotations

import contextlib
import threading

from rios_flows.controls.associations import BlockAssociations
from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
from rios_flows.runs.blocksource import BlockSource
from rios_flows.runs.buffers import BlockBuffer

GRID = BlockGrid(1000, 700, (64, 64))
NOBODY = contextlib.nullcontext()


def test_many_lanes_share_the_blocks() -> None:
    source = BlockSource(GRID, None, None)
    taken: list[list[ApplierBlockDefn]] = [[] for _ in range(8)]

    def lane(own: list[ApplierBlockDefn]) -> None:
        while (block := source.take(NOBODY)) is not None:
            assert block[1] is None
            own.append(block[0])

    threads = [threading.Thread(target=lane, args=(own,)) for own in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(block for own in taken for block in own) == sorted(GRID)


def test_without_waiting_there_is_a_block_or_none() -> None:
    read = BlockBuffer(None, 2, 1, 1, "read")
    first, second = list(GRID)[:2]
    source = BlockSource([first, second], read, None)
    assert source.take(NOBODY, wait=False) is None
    inputs = BlockAssociations()
    read.insertCompleteBlock(second, inputs)
    assert source.take(NOBODY, wait=False) == (second, inputs)
    assert source.take(NOBODY, wait=False) is None
    read.insertCompleteBlock(first, inputs)
    assert source.take(NOBODY) == (first, inputs)
    # all are taken: nobody waits for more
    assert source.take(NOBODY) is None
