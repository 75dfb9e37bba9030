"""When the journal is made safe on disk: at moments when no block is half counted."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition
from typing import TYPE_CHECKING, Any

from rios_flows.runs.clock import RunClock
from rios_flows.runs.stop import Stop

if TYPE_CHECKING:
    from rios_flows.runs.resume.journal import Journal


class Checkpoints:
    """Lets compute lanes rest until all they have computed is written, and then saves.

    Each compute lane changes an ``otherArgs`` of its own. What is saved of them must know of just
    the blocks that are in the journal.

    Parameters
    ----------
    journal : Journal
        What is saved.
    other_args : callable
        Returns every worker's ``otherArgs``.
    stop : Stop
        Wakes lanes that rest.
    clock : RunClock
        Rests, too.
    """

    def __init__(
        self,
        journal: Journal,
        other_args: Callable[[], list[Any]],
        stop: Stop,
        clock: RunClock,
    ) -> None:
        self._journal = journal
        self._other_args = other_args
        self._stop = stop
        self._clock = clock
        self._moved = Condition()
        self._in_hand = 0
        self._resting = False
        stop.on_failure(self._wake)

    def take_block(self, wait: bool = True) -> bool:
        """Wait until a lane that computes may take another block, and count it.

        Whoever may not wait is told whether it has one now.
        """
        with self._moved:
            if self._resting and not wait:
                return False
            self._moved.wait_for(lambda: not self._resting or self._stop.error is not None)
            self._stop.check()
            self._in_hand += 1
            return True

    def block_written(self) -> None:
        """Note that a block that was taken is in the journal, and save where it is time."""
        with self._moved:
            self._in_hand -= 1
            if self._journal.due and not self._resting:
                self._resting = True
                self._clock.hold()
            if self._resting and not self._in_hand:
                self._journal.checkpoint(self._other_args())
                self._resting = False
                self._clock.release()
                self._moved.notify_all()

    def all_written(self) -> None:
        """Save once more: what follows, closing and publishing, may be interrupted as well."""
        with self._clock.held():
            self._journal.checkpoint(self._other_args())

    def _wake(self) -> None:
        with self._moved:
            self._moved.notify_all()
