"""The log of a flow run on its way to the server; it waits while the server is away.

Prefect itself tries a few lines again after 2, 4, 8, 16 and 32 s, and then drops them.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.context import get_settings_context
from prefect.logging.handlers import APILogHandler, emit_api_log

#: Most lines that wait; older ones are dropped (they were printed).
MOST_LINES = 10_000
#: Most characters of one message to the server, as long as it has more than one line.
MOST_CHARACTERS = 1_000_000

_posts: ContextVar[LogPost | None] = ContextVar("rios_flows_log_post", default=None)


class LogPost(APILogHandler):
    """Keeps the lines of one flow run and its task runs, until they are fetched and sent."""

    def __init__(self, flow_run_id: UUID) -> None:
        super().__init__()
        self._flow_run_id = str(flow_run_id)
        self._waiting: deque[dict[str, Any]] = deque()
        self._dropped = 0
        self._open = True

    def is_for(self, record: logging.LogRecord) -> bool:
        """Return whether a record is of this run, and not of a flow that it has started."""
        return self._open and str(getattr(record, "flow_run_id", "")) == self._flow_run_id

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        if not get_settings_context().settings.logging.to_api.enabled:
            return
        if not getattr(record, "send_to_api", True):
            return
        try:
            self._waiting.append(self.prepare(record))
        except Exception:
            self.handleError(record)
        while len(self._waiting) > MOST_LINES:
            self._waiting.popleft()
            self._dropped += 1

    def flush(self) -> None:
        """Do nothing: Prefect's own lines are not this handler's."""

    def send(self, client: SyncPrefectClient) -> None:
        """Send what is there; after an error it is all still there."""
        while lines := self._take():
            try:
                client.create_logs([_without_size(line) for line in lines])
            except BaseException:
                with self._held():
                    self._waiting.extendleft(reversed(lines))
                raise

    def _take(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        characters = 0
        with self._held():
            while self._waiting:
                characters += self._waiting[0]["__payload_size__"]
                if lines and characters > MOST_CHARACTERS:
                    break
                lines.append(self._waiting.popleft())
            if lines and self._dropped:
                told = f"{self._dropped:,} lines before this one were dropped"
                lines[0]["message"] = f"{told}\n{lines[0]['message']}"
                self._dropped = 0
        return lines

    @contextmanager
    def _held(self) -> Iterator[None]:
        # the handler's own lock, which is held while a line is added
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def close(self) -> None:
        """Let later lines go Prefect's way, and those that are left."""
        self._open = False
        while self._waiting:
            emit_api_log(self._waiting.popleft())
        super().close()


def _without_size(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "__payload_size__"}


def _divert(record: logging.LogRecord) -> bool:
    """Give a record to the post of its run, if there is one; else let it pass."""
    post = _posts.get()
    if post is None or not post.is_for(record):
        return True
    post.handle(record)
    return False


@contextmanager
def posted(post: LogPost) -> Iterator[None]:
    """Have what this context says of a run go to its post."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, APILogHandler):
                # once for all runs: a filter that is there is not added again
                handler.addFilter(_divert)
    token = _posts.set(post)
    try:
        yield
    finally:
        _posts.reset(token)
        post.close()
