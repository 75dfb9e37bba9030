"""Whose turn it is: which lane reads which input of which block, and who computes the next one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from threading import Lock

from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.inputs.inputplan import InputPlan

#: A block, and what to read of it; None where there are no inputs.
Turn = tuple[ApplierBlockDefn, InputPlan | None]


class ReadTurns:
    """Hands out the reads of a run, block after block.

    Each lane has files of its own, so that it opens and decodes these only, and may be some blocks
    ahead of the others. When there is no room for more blocks it takes over what is others'.

    Parameters
    ----------
    blocks : iterable of ApplierBlockDefn
        The blocks to read.
    inputs : sequence of InputPlan
        What to read of each.
    lanes : int
        How many lanes read.
    """

    def __init__(
        self, blocks: Iterable[ApplierBlockDefn], inputs: Sequence[InputPlan], lanes: int = 1
    ) -> None:
        self._lock = Lock()
        self._blocks = iter(blocks)
        self._next = next(self._blocks, None)
        self._shares: list[Sequence[InputPlan | None]] = [
            (inputs or (None,))[lane::lanes] for lane in range(lanes)
        ]
        self._queues: list[deque[Turn]] = [deque() for _ in range(lanes)]

    def take(
        self,
        lane: int,
        begin: Callable[[ApplierBlockDefn], None],
        begin_at_once: Callable[[ApplierBlockDefn], bool] = lambda block: False,
    ) -> Turn | None:
        """Return the next read, or None when all are taken.

        Without inputs there is one turn a block, with nothing to read.

        Parameters
        ----------
        lane : int
            Which of the lanes asks, from 0.
        begin : callable
            Waits for room for a block, before its first read. That happens under the lock, and so
            only when all reads of earlier blocks are taken.
        begin_at_once : callable
            Takes room for a block if there is any, and tells.
        """
        with self._lock:
            own = self._queues[lane]
            if not own and self._next is not None:
                self._begin(self._next, begin, begin_at_once)
            if own:
                return own.popleft()
            longest = max(self._queues, key=len)
            return longest.pop() if longest else None

    def _begin(
        self,
        block: ApplierBlockDefn,
        begin: Callable[[ApplierBlockDefn], None],
        begin_at_once: Callable[[ApplierBlockDefn], bool],
    ) -> None:
        if any(self._queues):
            # what frees room may be in there: nobody may wait for it
            if not begin_at_once(block):
                return
        else:
            begin(block)
        self._next = next(self._blocks, None)
        for queue, share in zip(self._queues, self._shares, strict=True):
            queue.extend([(block, item) for item in share])


class Tickets:
    """Counts down the blocks that no compute lane has taken yet."""

    def __init__(self, count: int) -> None:
        self._lock = Lock()
        self._left = count

    def take(self) -> bool:
        """Take one, and tell whether there was one."""
        with self._lock:
            self._left -= 1
            return self._left >= 0
