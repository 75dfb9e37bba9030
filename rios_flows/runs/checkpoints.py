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
        self._unsaved = False
        self._then: Callable[[], None] | None = None
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
            self._unsaved = True
            if self._journal.due:
                self._rest()
            then = self._save_at_rest()
        if then is not None:
            then()

    def all_written(self) -> None:
        """Save once more: what follows, closing and publishing, may be interrupted as well."""
        with self._moved, self._clock.held():
            self._save(self._other_args())

    def save_and(self, then: Callable[[], None]) -> None:
        """Save as soon as no block is half counted, and then do something; for any thread.

        No lane takes another block.
        """
        with self._moved:
            self._then = then
            self._rest()
            ready = self._save_at_rest()
        if ready is not None:
            ready()

    def save_rest(self, other_args: list[Any]) -> None:
        """Save what is written, after all lanes have ended, where blocks leave ``otherArgs`` be."""
        if self._unsaved:
            self._save(other_args)

    def _rest(self) -> None:
        if not self._resting:
            self._resting = True
            self._clock.hold()

    def _save_at_rest(self) -> Callable[[], None] | None:
        """Save if all lanes rest; return what is to be done then."""
        if not self._resting or self._in_hand:
            return None
        if self._unsaved:
            self._save(self._other_args())
        if self._then is None:
            self._resting = False
            self._clock.release()
            self._moved.notify_all()
        return self._then

    def _save(self, other_args: list[Any]) -> None:
        self._journal.checkpoint(other_args)
        self._unsaved = False

    def _wake(self) -> None:
        with self._moved:
            self._moved.notify_all()
