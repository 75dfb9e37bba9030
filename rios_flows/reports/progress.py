"""The progress of a run: a bar on a terminal, lines in the log, or an object of the user's."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO, cast

from rios_flows.basics.bars import CUIProgressBar
from rios_flows.basics.streams import Careful, is_terminal
from rios_flows.reports.records import Listener, RunInfo

logger = logging.getLogger(__name__)

#: A line goes to the log each time that this much more is done (%).
STEP = 10


def bar_or_log_lines(stream: TextIO | None = None) -> Listener:
    """Return the listener that shows progress: a bar on a terminal, else lines in the log."""
    stream = sys.stderr if stream is None else stream
    if not is_terminal(stream):
        return LogLines()
    try:
        return RichBar(stream)
    except ImportError:
        return PlainBar(stream)


class ProgressObject(Listener):
    """Passes progress to an object such as RIOS's, in whole percents of the blocks written."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._percent = -1

    def started(self, info: RunInfo) -> None:
        """Pass on 0 %."""
        self._show(0)

    def written(self, done: int, total: int) -> None:
        """Pass on the percentage, if it has changed."""
        self._show(done * 100 // total)

    def _show(self, percent: int) -> None:
        if percent != self._percent:
            self._percent = percent
            self._progress.setProgress(percent)


class LogLines(Listener):
    """Writes a line to the log for every tenth of the blocks."""

    def __init__(self) -> None:
        self._name = ""
        self._step = 0

    def started(self, info: RunInfo) -> None:
        """Keep the run's name."""
        self._name = info.name

    def written(self, done: int, total: int) -> None:
        """Write a line if enough has been done since the last one."""
        step = done * 100 // total // STEP
        if step > self._step:
            self._step = step
            logger.info("%s: %d of %d blocks written", self._name, done, total)


class PlainBar(ProgressObject):
    """Draws a bar of plain characters."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(CUIProgressBar(stream))

    def finished(self, error: BaseException | None) -> None:
        """End the line of a bar that is not full."""
        self._progress.reset()


class RichBar(Listener):
    """Draws a bar with the remaining time; raises an ImportError if rich is not installed."""

    def __init__(self, stream: TextIO) -> None:
        from rich import progress
        from rich.console import Console

        self._progress: Any = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("blocks"),
            progress.TimeElapsedColumn(),
            progress.TimeRemainingColumn(),
            console=Console(file=cast(TextIO, Careful(stream))),
            refresh_per_second=4,
        )
        self._task: Any = None

    def started(self, info: RunInfo) -> None:
        """Draw an empty bar."""
        self._progress.start()
        self._task = self._progress.add_task(info.name, total=len(info.blocks))

    def written(self, done: int, total: int) -> None:
        """Update the bar, which draws itself a few times a second."""
        self._progress.update(self._task, completed=done)

    def finished(self, error: BaseException | None) -> None:
        """Leave the bar as it is."""
        self._progress.stop()
