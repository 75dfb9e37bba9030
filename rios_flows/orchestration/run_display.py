"""Shows a run while it lasts and right after, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from rios_flows.basics.errortext import is_interruption
from rios_flows.basics.threads import thread_in_context
from rios_flows.basics.timing import Timers
from rios_flows.orchestration import embedded_server
from rios_flows.orchestration.artifacts import Artifacts
from rios_flows.orchestration.changed_settings import changed_settings
from rios_flows.orchestration.lane_logs import Logger
from rios_flows.orchestration.log_post import LogPost
from rios_flows.orchestration.server_link import WAIT_INTERRUPTED, ServerLink, seconds_to_wait
from rios_flows.reports.outcome import Outcome
from rios_flows.reports.pace import Pace
from rios_flows.reports.records import Listener, RunInfo

#: Seconds between two looks at a run.
TICK = 1.0
#: Most seconds between two messages to the server, which others ask for the state of the run.
LONGEST = 10.0
#: Seconds between two lines about the run.
LINE_EVERY = 10.0
#: Seconds until the first lines about the lanes; the pause then grows to a tenth of the run time.
FIRST_LINES = 10.0


class RunDisplay(Listener):
    """Shows a run's progress and log, and draws its artifacts; a slow server slows no lane.

    It is one of the run's listeners. Errors here are only logged. It calls ``beat`` about once a
    second, as a sign of life, and ``say_lanes`` at longer and longer intervals. If the server is
    away at the end and does not come back in time, the summary is kept on disk, as ``page``.
    """

    def __init__(
        self,
        artifacts: Artifacts,
        logger: Logger,
        post: LogPost,
        beat: Callable[[], None],
        say_lanes: Callable[[], None],
        page: Path,
    ) -> None:
        self._artifacts = artifacts
        self._logger = logger
        self._post = post
        self._beat = beat
        self._say_lanes = say_lanes
        self._page = page
        self._parent: tuple[UUID, str] | None = None
        self._outcome: Outcome | None = None
        self._announce: Callable[[Outcome], None] | None = None
        self._server = ServerLink(logger, artifacts.check_server)
        self._done = 0
        self._error: BaseException | None = None
        self._timings: Timers | None = None
        self._deadline = float("inf")
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def link_from(self, flow_run_id: UUID, text: str) -> None:
        """Have the page of another flow run lead to this one."""
        self._parent = flow_run_id, text

    # calls from the engine

    def started(self, info: RunInfo) -> None:
        """Begin to show a run."""
        self._thread = thread_in_context(self._work, info, name="run-display")
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

    def publish(
        self,
        timings: Timers | None,
        outcome: Outcome | None = None,
        announce: Callable[[Outcome], None] | None = None,
    ) -> None:
        """Make the artifacts of the run so far; return when the thread has ended.

        If it has an ``outcome``, have that announced as soon as the server is there.
        """
        if self._thread is None:
            return
        wait = seconds_to_wait()
        if self._error is not None and is_interruption(self._error):
            wait = min(wait, WAIT_INTERRUPTED)
        if embedded_server.has_died():
            wait = 0.0
        self._deadline = time.monotonic() + wait
        self._outcome, self._announce = outcome, announce
        self._timings = timings or Timers()
        self._wake.set()
        self._thread.join()

    # in the thread

    def _work(self, info: RunInfo) -> None:
        try:
            # Prefect would ask a hanging server for minutes; the link knows when to ask again
            with changed_settings("client", max_retries=0), self._artifacts:
                self._watch(info)
                self._finish(info)
        # rich ends a program whose terminal has gone
        except (Exception, SystemExit) as error:
            with suppress(Exception, SystemExit):
                self._logger.warning("Not shown in Prefect: %r", error)

    def _watch(self, info: RunInfo) -> None:
        pace, began = Pace(len(info.blocks)), time.monotonic()
        # what an earlier run has written says nothing of how fast this one is
        pace.look(info.resumed, began)
        self._server.do_here("the heartbeat", self._beat)
        self._show(pace)
        next_show, next_line, next_lanes = 0.0, LINE_EVERY, FIRST_LINES
        while self._timings is None:
            self._wake.wait(TICK)
            pace.look(max(self._done, info.resumed), time.monotonic())
            self._server.do_here("the heartbeat", self._beat)
            if self._wake.is_set():
                # no block is left: draw while files are being closed
                self._wake.clear()
                self._server.do_here("the pictures", self._artifacts.draw, info.records, info)
            age = time.monotonic() - began
            if age >= next_line:
                next_line = age + LINE_EVERY
                self._server.do_here("the pace", self._logger.info, "%s", pace)
            if age >= next_lanes:
                next_lanes = age + max(FIRST_LINES, age / 10)
                self._server.do_here("the lanes", self._say_lanes)
            if age >= next_show or self._server.is_away:
                # more often at first, when somebody may be looking
                next_show = age + min(LONGEST, age / 4)
                self._show(pace)

    def _show(self, pace: Pace) -> None:
        self._server.do("the progress", self._artifacts.show_progress, pace.percent, str(pace))
        self._server.do("the log", self._artifacts.send_log, self._post)
        if self._parent is not None:
            parent = self._parent
            if self._server.do("the link", self._artifacts.link_from, *parent):
                self._parent = None

    def _finish(self, info: RunInfo) -> None:
        outputs = "" if self._outcome is None else self._outcome.markdown()
        shown, timings = self._artifacts, self._timings or Timers()
        told = timings, info.records, info, self._error, outputs
        pace = Pace(len(info.blocks))
        pace.look(self._done, time.monotonic())
        self._server.do_here("the pictures", shown.draw, info.records, info)
        for what, action, arguments in (
            ("the progress", shown.show_progress, (pace.percent, pace.written)),
            ("the summary", shown.make_summary, told),
            ("the table of blocks", shown.make_table, (info.records, info)),
            ("the log", shown.send_log, (self._post,)),
        ):
            if not self._server.do_until(self._deadline, what, action, *arguments):
                self._server.do_here("the page", self._keep, told)
                return
        if self._outcome is not None and self._announce is not None:
            self._server.do_here("the events", self._announce, self._outcome)

    def _keep(self, told: tuple[Any, ...]) -> None:
        self._artifacts.keep(self._page, *told)
        self._logger.warning(
            "No Prefect server answered by the end of the run; its summary is in '%s'", self._page
        )
