"""Progress objects for the command line, with RIOS's methods and a few more."""

from __future__ import annotations

import sys
from typing import TextIO

from rios_flows.basics.streams import Careful, is_terminal

__all__ = ["BAR", "CUIProgressBar", "GDALProgressBar", "LogProgressBar", "SilentProgress"]

#: Characters of a bar.
BAR = 40


class SilentProgress:
    """Shows nothing; the base class of all others."""

    def __init__(self) -> None:
        self.nsteps = 100
        self.percent = -1

    def setTotalSteps(self, steps: int) -> None:
        """Set how many steps there are."""
        self.nsteps = steps

    def setProgress(self, progress: float) -> None:
        """Set how many of the steps are done."""
        percent = min(max(int(100 * progress / self.nsteps), 0), 100) if self.nsteps > 0 else 100
        if percent != self.percent:
            self.percent = percent
            self._show()

    def reset(self) -> None:
        """Start again."""
        self.percent = -1

    def setLabelText(self, text: str) -> None:
        """Say what is being done."""

    def wasCancelled(self) -> bool:
        """Tell whether the user wants to stop: never, here."""
        return False

    def displayException(self, trace: str) -> None:
        """Show an exception with its traceback."""

    def displayWarning(self, text: str) -> None:
        """Show a warning."""

    def displayError(self, text: str) -> None:
        """Show an error."""

    def displayInfo(self, text: str) -> None:
        """Show a piece of information."""

    def _show(self) -> None:
        """Show the percentage, which has just changed."""


class _StreamProgress(SilentProgress):
    """Writes to a stream; None is the standard output of the moment."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream
        self.label = ""

    def setLabelText(self, text: str) -> None:
        """Write what is being done."""
        self.label = text
        self._line(text)

    def displayException(self, trace: str) -> None:
        """Write an exception with its traceback."""
        self._line(trace)

    def displayWarning(self, text: str) -> None:
        """Write a warning."""
        self._line(f"Warning: {text}")

    def displayError(self, text: str) -> None:
        """Write an error."""
        self._line(f"Error: {text}")

    def displayInfo(self, text: str) -> None:
        """Write a piece of information."""
        self._line(f"Info: {text}")

    def _line(self, text: str) -> None:
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        target = Careful(self._target)
        target.write(text)
        target.flush()

    @property
    def _target(self) -> TextIO | None:
        return sys.stdout if self._stream is None else self._stream


class CUIProgressBar(_StreamProgress):
    """Draws a bar, and draws it again over itself as it grows."""

    def reset(self) -> None:
        """Begin a new line."""
        if 0 <= self.percent < 100:
            self._write("\n")
        super().reset()

    def _show(self) -> None:
        done = BAR * self.percent // 100
        end = "\n" if self.percent == 100 else ""
        self._write(f"\r[{'#' * done}{' ' * (BAR - done)}] {self.percent:3d}%{end}")


class GDALProgressBar(_StreamProgress):
    """Writes 0...10...20 and so on up to 100, as GDAL's own programs do; only on a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._last_tick: int | None = None

    def reset(self) -> None:
        """Begin a new line."""
        if self._last_tick is not None and self._last_tick < BAR:
            self._write("\n")
        super().reset()
        self._last_tick = None

    def setLabelText(self, text: str) -> None:
        """Write what is being done."""
        if is_terminal(self._target):
            super().setLabelText(text)

    def _show(self) -> None:
        if not is_terminal(self._target):
            return
        first = 0 if self._last_tick is None else self._last_tick + 1
        last = self.percent * BAR // 100
        if first <= last:
            self._write("".join(_tick(number) for number in range(first, last + 1)))
            self._last_tick = last


def _tick(number: int) -> str:
    """Return what stands for one of the 41 ticks of GDAL's bar."""
    if number % 4:
        return "."
    percent = number * 100 // BAR
    return f"{percent} - done.\n" if percent == 100 else str(percent)


class LogProgressBar(_StreamProgress):
    """Writes a line for each new percentage, for output that is kept in a file."""

    def _show(self) -> None:
        self._line(f"{self.percent}%")
