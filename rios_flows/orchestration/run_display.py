"""Shows a run while it lasts and right after, in a thread of its own."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any

from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from rios_flows.basics.timing import Timers
from rios_flows.orchestration.artifacts import Artifacts
from rios_flows.orchestration.lane_logs import Logger
from rios_flows.reports.records import Listener, RunInfo
from rios_flows.reports.summary import counted

#: Seconds between two looks at a run.
TICK = 1.0
#: Seconds until the first lines about the lanes; the pause then grows to a tenth of the run time.
FIRST_LINES = 10.0
#: At the end of a run, nothing new is sent after this (s); the current message may finish.
PATIENCE = 30.0


class RunDisplay(Listener):
    """Shows a run's progress, and draws its artifacts; a slow server slows no lane.

    It is one of the run's listeners. Errors here are only logged. It calls ``beat`` about once a
    second, as a sign of life, and ``say_lanes`` at longer and longer intervals.
    """

    def __init__(
        self,
        artifacts: Artifacts,
        logger: Logger,
        beat: Callable[[], None],
        say_lanes: Callable[[], None],
    ) -> None:
        self._artifacts = artifacts
        self._logger = logger
        self._beat = beat
        self._say_lanes = say_lanes
        self._done = 0
        self._error: BaseException | None = None
        self._timings: Timers | None = None
        self._deadline = float("inf")
        self._wake = threading.Event()
        self._broken: set[str] = set()
        self._thread: threading.Thread | None = None

    # calls from the engine

    def started(self, info: RunInfo) -> None:
        """Begin to show a run."""
        # in a copy of the context, which has the server to talk to
        work = contextvars.copy_context().run
        self._thread = threading.Thread(
            target=work, args=(self._work, info), name="run-display", daemon=True
        )
        self._thread.start()

    def written(self, done: int, total: int) -> None:
        """Note the progress of the run."""
        self._done = done
        if done == total:
            self._wake.set()

    def finished(self, error: BaseException | None) -> None:
        """Note the error that ended the run early."""
        self._error = error

    # the end

    def publish(self, timings: Timers | None) -> None:
        """Make the artifacts of the run so far; return when the thread has ended."""
        if self._thread is None:
            return
        self._deadline = time.monotonic() + PATIENCE
        self._timings = timings or Timers()
        self._wake.set()
        self._thread.join()

    # in the thread

    def _work(self, info: RunInfo) -> None:
        try:
            # Prefect would ask a hanging server for minutes, and the run waits for this thread
            with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 1}), self._artifacts:
                self._watch(info)
                self._finish(info)
        except Exception as error:
            self._logger.warning("Not shown in Prefect: %r", error)

    def _watch(self, info: RunInfo) -> None:
        self._try("the heartbeat", self._beat)
        self._try("the progress", self._artifacts.show_progress, 0.0)
        began, next_lines = time.monotonic(), FIRST_LINES
        while self._timings is None:
            self._wake.wait(TICK)
            self._try("the heartbeat", self._beat)
            if self._wake.is_set():
                # no block is left: draw while files are being closed
                self._wake.clear()
                self._try("the pictures", self._artifacts.draw, info.records, info)
            self._try("the progress", self._artifacts.show_progress, self._percent(info))
            age = time.monotonic() - began
            if age >= next_lines:
                next_lines = age + max(FIRST_LINES, age / 10)
                self._try("the lanes", self._say_lanes)
                self._logger.info(
                    "%d of %s are written", self._done, counted(len(info.blocks), "block")
                )

    def _finish(self, info: RunInfo) -> None:
        timings, records = self._timings or Timers(), info.records
        self._try("the progress", self._artifacts.show_progress, self._percent(info))
        self._try("the summary", self._artifacts.make_summary, timings, records, info, self._error)
        self._try("the table of blocks", self._artifacts.make_table, records, info)

    def _percent(self, info: RunInfo) -> float:
        return 100.0 * self._done / max(len(info.blocks), 1)

    def _try(self, what: str, action: Callable[..., None], *arguments: Any) -> None:
        if what in self._broken:
            return
        try:
            if time.monotonic() > self._deadline:
                raise TimeoutError(f"the run ended more than {PATIENCE:g} s ago")
            action(*arguments)
        except Exception as error:
            # once is enough: otherwise a missing server would be asked each second
            self._broken.add(what)
            self._logger.warning("Not shown in Prefect: %s: %r", what, error)
