"""The clock by which waits between lanes are measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class RunClock:
    """A clock that stands still while waiting says nothing about slowness.

    It starts once every lane has started, and rests during retries and closing.

    Parameters
    ----------
    holds : int
        How many lanes must start before it runs.
    """

    def __init__(self, holds: int = 0) -> None:
        self._lock = Lock()
        self._holds = holds
        self._before = 0.0
        self._since = time.monotonic()

    def now(self) -> float:
        """Return how long the clock has run (s)."""
        with self._lock:
            return self._before + (0.0 if self._holds else time.monotonic() - self._since)

    def hold(self) -> None:
        """Stop the clock until a matching :meth:`release`."""
        with self._lock:
            if not self._holds:
                self._before += time.monotonic() - self._since
            self._holds += 1

    def release(self) -> None:
        """Undo one :meth:`hold`."""
        with self._lock:
            self._holds -= 1
            if not self._holds:
                self._since = time.monotonic()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stop the clock for the length of a with block."""
        self.hold()
        try:
            yield
        finally:
            self.release()
