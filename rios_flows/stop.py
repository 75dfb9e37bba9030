"""How one lane's failure ends the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from threading import TIMEOUT_MAX, Event, Lock


class LaneStopped(Exception):  # noqa: N818 - a lane that stops in order has made no error
    """Another lane's error ended the run."""


def text_of(error: BaseException) -> str:
    """Return what an error says, whatever its class does when asked."""
    try:
        return str(error)
    except Exception as failure:
        return f"(it cannot be told: its __str__ raised {type(failure).__name__})"


def traceback_of(error: BaseException) -> str:
    """Return an error as Python prints it, whatever its class does when asked."""
    try:
        return "".join(traceback.format_exception(error)).rstrip()
    except Exception as failure:
        return f"(its traceback cannot be told: {type(failure).__name__})"


def summary_of(error: BaseException) -> str:
    """Return an error's type and the first line of what it says."""
    return f"{type(error).__name__}: {text_of(error)}".partition("\n")[0].rstrip(": ")


def is_interruption(error: BaseException | None) -> bool:
    """Tell whether somebody ended the run from outside: Ctrl-C, or a signal that Prefect turned."""
    return error is not None and not isinstance(error, Exception | SystemExit)


class Stop:
    """The first error of a run, and who is to be woken by it."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._lock = Lock()
        self._event = Event()
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

    def reason(self) -> LaneStopped:
        """Return the exception that ends a lane which did not fail itself."""
        error = self.error
        assert error is not None
        if is_interruption(error):
            return LaneStopped("stopped, since the run was interrupted")
        return LaneStopped(f"stopped, since the run failed: {summary_of(error)}")
