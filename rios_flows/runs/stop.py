"""How one lane's failure ends the others."""

from __future__ import annotations

from collections.abc import Callable
from threading import TIMEOUT_MAX, Event, Lock

from rios_flows.basics.errortext import Halted, is_interruption, summary_of


class LaneStopped(Exception):  # noqa: N818 - a lane that stops in order has made no error
    """Another lane's error ended the run."""


class Stop:
    """The first error of a run, and who is to be woken by it."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._lock = Lock()
        self._event = Event()
        self._going = Event()
        #: Whether the lane that writes is to wait.
        self.resting = False
        self._wake: list[Callable[[], None]] = []

    def on_failure(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called when the run fails."""
        self._wake.append(wake)

    def fail(self, error: BaseException) -> bool:
        """End the run, and tell whether this error was the first."""
        with self._lock:
            first = self.error is None
            if first:
                self.error = error
        # every time: Ctrl-C may have come in here before all were woken
        self._event.set()
        self._going.set()
        for wake in self._wake:
            wake()
        return first

    def check(self) -> None:
        """Raise LaneStopped if the run has failed."""
        if self.error is not None:
            raise self.reason()

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until the run fails; then raise LaneStopped."""
        self._event.wait(min(float(seconds), TIMEOUT_MAX))
        self.check()

    def rest(self) -> None:
        """Have the lane that writes wait, and so, by and by, all others."""
        self._going.clear()
        self.resting = True
        if self.error is not None:
            # the run has failed meanwhile, and nobody wakes it a second time
            self._going.set()

    def go_on(self) -> None:
        """End the rest."""
        self.resting = False
        self._going.set()

    def wait_while_resting(self) -> None:
        """Wait until the run goes on, or fails; then raise LaneStopped."""
        while self.resting and self.error is None:
            self._going.wait()
        self.check()

    def reason(self) -> LaneStopped:
        """Return the exception that ends a lane which did not fail itself."""
        error = self.error
        assert error is not None
        if is_interruption(error):
            how = str(error) if isinstance(error, Halted) else "was interrupted"
            return LaneStopped(f"stopped, since the run {how}")
        return LaneStopped(f"stopped, since the run failed: {summary_of(error)}")
