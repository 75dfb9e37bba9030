"""The buffer of blocks that are read; it hands out the reads, too: which lane reads what next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.concurrency import Timeouts
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.runs.buffers import SMALL_BLOCKS_BYTES, BlockBuffer
from rios_flows.runs.clock import RunClock

#: A block, and what to read of it; None where there are no inputs.
Turn = tuple[ApplierBlockDefn, InputPlan | None]


class ReadBuffer(BlockBuffer):
    """A buffer that hands out the reads of a run, block after block.

    Each lane has files of its own, so that it opens and decodes these only, and may be some blocks
    ahead of the others. When there is no room for more blocks it takes over what is others'.
    """

    def __init__(
        self,
        blocks: Iterable[ApplierBlockDefn],
        inputs: Sequence[InputPlan],
        names: FilenameAssociations,
        lanes: int,
        limits: Timeouts,
        clock: RunClock | None = None,
    ) -> None:
        super().__init__(
            names, lanes, limits.read_insert, limits.read_pop, "read", clock, SMALL_BLOCKS_BYTES
        )
        self._to_come = iter(blocks)
        self._next = next(self._to_come, None)
        self._shares: list[Sequence[InputPlan | None]] = [
            (inputs or (None,))[lane::lanes] for lane in range(lanes)
        ]
        self._turns: list[deque[Turn]] = [deque() for _ in range(lanes)]

    def take_turn(self, lane: int, waiting: AbstractContextManager[None]) -> Turn | None:
        """Return the next read of a lane, or None when all are taken.

        Without inputs there is one turn a block, with nothing to read. ``waiting`` is entered while
        the lane waits for room. Raises TimeoutError after the insert timeout.
        """
        with self._lock:
            while True:
                if self._closed is not None:
                    raise self._closed()
                own = self._turns[lane]
                if not own and self._next is not None:
                    self._begin(self._next, waiting)
                if own:
                    return own.popleft()
                longest = max(self._turns, key=len)
                if longest:
                    return longest.pop()
                if self._next is None:
                    return None

    def _begin(self, block: ApplierBlockDefn, waiting: AbstractContextManager[None]) -> None:
        """Make turns of a block once there is room for it."""
        if any(self._turns):
            # what frees room may be in there: nobody may wait for it
            if not self._has_room_for(block):
                return
        else:
            with waiting:
                self._wait_for_room(block, lambda: self._next is not block)
            if self._next is not block:
                return
        self._reserve(block)
        self._next = next(self._to_come, None)
        for turns, share in zip(self._turns, self._shares, strict=True):
            turns.extend([(block, item) for item in share])
