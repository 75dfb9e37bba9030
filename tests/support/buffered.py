"""Blocks to put into buffers, and waiting for them elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from rios_flows.runs.buffers import BlockBuffer
from rios_flows.runs.clock import RunClock
from rios_flows.structures import ApplierBlockDefn, BlockAssociations, FilenameAssociations

BLOCKS = [ApplierBlockDefn(0, 8 * number, 8, 8) for number in range(400)]


#: Longer than any wait here should take, on a busy machine too.
LONG = 20.0


def files(**entries: Any) -> FilenameAssociations:
    names = FilenameAssociations()
    for name, entry in entries.items():
        setattr(names, name, entry)
    return names


ONE = files(image="a.tif")


THREE = files(image="a.tif", dates=["b.tif", "c.tif"])


A, B, C, D, E = BLOCKS[:5]


def array(value: int) -> Any:
    return np.full((1, 8, 8), value)


def data(value: int) -> BlockAssociations:
    arrays = BlockAssociations(ONE)
    arrays.image = array(value)
    return arrays


def buffer(
    names: FilenameAssociations = ONE,
    workers: int = 1,
    insert: float | None = 0.05,
    pop: float | None = 0.05,
    kind: str = "read",
    clock: RunClock | None = None,
) -> BlockBuffer:
    return BlockBuffer(names, workers, insert, pop, kind, clock)


def reserve(buffered: BlockBuffer, block: ApplierBlockDefn) -> None:
    """Take room for a block, before any of its arrays is there."""
    with buffered._lock:
        buffered._reserve(block)


class Elsewhere:
    """Does something in another thread, and keeps what came of it."""

    def __init__(self, action: Callable[..., Any], *arguments: Any) -> None:
        self._action = action
        self._arguments = arguments
        self._outcome: Any = None
        self.took = 0.0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        start = time.perf_counter()
        try:
            self._outcome = self._action(*self._arguments)
        except BaseException as error:
            self._outcome = error
        self.took = time.perf_counter() - start

    def waits(self) -> bool:
        """Tell whether it is still going on a while later."""
        self._thread.join(0.1)
        return self._thread.is_alive()

    def outcome(self) -> Any:
        self._thread.join(LONG)
        assert not self._thread.is_alive()
        return self._outcome
