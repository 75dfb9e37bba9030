"""Says more than once that a flow run shows no more signs of life, though it goes on.

A server on SQLite loses such an event where it has much to do: it reads before it writes, gives up
at once if somebody else writes meanwhile, and drops the event after four tries. Without the event,
a flow run that goes on after a run within it would count as dead.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from operator import attrgetter
from threading import Condition, Thread, main_thread
from typing import NamedTuple
from uuid import UUID

from prefect.context import SettingsContext, get_settings_context

#: When it is said again (s): all before a run without it would count as dead.
AGAIN = (5.0, 15.0, 35.0, 60.0)


class _Word(NamedTuple):
    """One thing to say."""

    due: float
    run: UUID
    say: Callable[[], None]


class Farewells:
    """A thread that says it again, as long as there is something to say."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._words: list[_Word] = []
        self._alive: Counter[UUID] = Counter()
        self._thread: Thread | None = None

    def begin(self, runs: Iterable[UUID]) -> None:
        """Say nothing more of flow runs, which show signs of life from now on."""
        with self._changed:
            # a mapping would be taken for numbers
            self._alive.update(list(runs))

    def end(self, runs: Iterable[UUID], tell: Callable[[UUID], None]) -> None:
        """Have ``tell`` called again for flow runs, which show no more."""
        now, context = time.monotonic(), get_settings_context()
        profile, settings = context.profile, context.settings

        def say(run: UUID) -> None:
            # where it was: nothing else of here, since the run within has ended by then
            if not main_thread().is_alive():
                # the process ends, and its connections have been closed
                return
            with suppress(Exception), SettingsContext(profile=profile, settings=settings):
                tell(run)

        with self._changed:
            for run in runs:
                self._alive -= Counter([run])
                self._words += [_Word(now + each, run, partial(say, run)) for each in AGAIN]
            if self._words and self._thread is None:
                self._thread = Thread(target=self._work, name="farewells", daemon=True)
                self._thread.start()
            self._changed.notify()

    def forget(self) -> None:
        """Say nothing more, for instance since the server is going to end."""
        with self._changed:
            self._words.clear()
            self._changed.notify()

    def _work(self) -> None:
        while (word := self._next()) is not None:
            word.say()

    def _next(self) -> _Word | None:
        """Wait for what is due next; None when there is nothing more."""
        with self._changed:
            while True:
                self._words = [each for each in self._words if not self._alive[each.run]]
                if not self._words:
                    self._thread = None
                    return None
                first = min(self._words, key=attrgetter("due"))
                if (left := first.due - time.monotonic()) <= 0:
                    self._words.remove(first)
                    return first
                self._changed.wait(left)


FAREWELLS = Farewells()
# a child that is forked has no such thread, and the flow runs are not its own
os.register_at_fork(after_in_child=FAREWELLS.__init__)  # type: ignore[misc]
