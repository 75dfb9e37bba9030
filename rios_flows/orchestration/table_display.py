"""Shows work on attribute tables in the flow run or task run that it is part of."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy

from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging.handlers import APILogHandler

from rios_flows.basics.threads import thread_in_context
from rios_flows.orchestration.artifacts import Artifacts
from rios_flows.orchestration.changed_settings import changed_settings
from rios_flows.orchestration.logs import ENGINE, EngineLog
from rios_flows.tables.progress import Show

logger = logging.getLogger(__name__)

#: Seconds between two looks at the progress, and the longest wait for the last one to be shown.
TICK = 1.0
PATIENCE = 30.0

_TEXT = "Rows or columns done (percent)"

_TO_SERVER = APILogHandler()


@contextmanager
def shown_in_prefect(name: str) -> Iterator[Sequence[Show]]:
    """Give what shows progress as an artifact; log lines go to the run. Nothing outside of one."""
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    flow_id = flow.flow_run.id if flow is not None and flow.flow_run is not None else None
    task_id = None if task is None else task.task_run.id
    if task is not None and task.task_run.flow_run_id is not None:
        flow_id = task.task_run.flow_run_id
    if flow_id is None and task_id is None:
        yield ()
        return

    def send(record: logging.LogRecord) -> None:
        # if rios_flows is one of the user's PREFECT_LOGGING_EXTRA_LOGGERS
        if any(isinstance(handler, APILogHandler) for handler in ENGINE.handlers):
            return
        sent = copy(record)
        sent.flow_run_id, sent.task_run_id = flow_id, task_id
        _TO_SERVER.handle(sent)

    with EngineLog() as log:
        log.forward(send)
        with TableDisplay(Artifacts(flow_id, name, task_id)) as display:
            yield [display.show]


class TableDisplay:
    """Shows progress from a thread of its own: a slow server does not slow the work."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._percent = 0
        self._ended = threading.Event()
        self._thread = thread_in_context(self._work, name="table-display")

    def show(self, percent: int) -> None:
        """Note the progress."""
        self._percent = percent

    def __enter__(self) -> TableDisplay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(PATIENCE)

    def _work(self) -> None:
        try:
            # Prefect would ask a hanging server for minutes
            with changed_settings("client", max_retries=1), self._artifacts as artifacts:
                while not self._ended.wait(TICK):
                    artifacts.show_progress(self._percent, _TEXT)
                artifacts.show_progress(self._percent, _TEXT)
        except Exception as error:
            # once is enough: the work itself goes on
            logger.warning("Not shown in Prefect: the progress: %r", error)
