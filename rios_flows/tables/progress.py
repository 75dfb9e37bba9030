"""The progress of work on tables: for objects of the user's, Prefect, and the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

#: A line goes to the log each time that this much more is done (%).
STEP = 10

#: Gets the percentage that is done, each time it changes.
Show = Callable[[int], object]


class Progress:
    """Shows how much of a known number of rows or columns is done."""

    def __init__(self, name: str, what: str, total: int, shows: Sequence[Show]) -> None:
        self._name, self._what, self._total = name, what, total
        self._shows = shows
        self._percent = -1

    def show(self, done: int) -> None:
        """Show what is done."""
        percent = 100 * done // self._total if self._total else 100
        before, self._percent = self._percent, percent
        if percent == before:
            return
        for show in self._shows:
            show(percent)
        if percent // STEP > before // STEP and done:
            logger.info("%s: %d of %d %s done", self._name, done, self._total, self._what)
