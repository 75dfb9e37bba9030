"""Whose turn it is: reads and blocks are handed out one by one to whichever lane comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock

from rios_flows.grid import ApplierBlockDefn
from rios_flows.plan import InputPlan


class ReadTurns:
    """Hands out the reads of a run, block after block, and input after input within a block.

    Parameters
    ----------
    blocks : iterable of ApplierBlockDefn
        The blocks to read.
    inputs : sequence of InputPlan
        What to read of each.
    """

    def __init__(self, blocks: Iterable[ApplierBlockDefn], inputs: Sequence[InputPlan]) -> None:
        self._lock = Lock()
        self._turns = ((block, item) for block in blocks for item in inputs or (None,))
        self._begun: ApplierBlockDefn | None = None

    def take(
        self, begin: Callable[[ApplierBlockDefn], None]
    ) -> tuple[ApplierBlockDefn, InputPlan | None] | None:
        """Return the next read, or None when all are taken.

        Without inputs there is one turn a block, with nothing to read.

        Parameters
        ----------
        begin : callable
            Waits for room for a block, before its first read. That happens under the lock: a lane
            that overtook a waiting one could fill the buffer with later blocks.
        """
        with self._lock:
            turn = next(self._turns, None)
            if turn is not None and turn[0] != self._begun:
                begin(turn[0])
                self._begun = turn[0]
            return turn


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
