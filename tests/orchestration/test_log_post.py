"""The lines of a run's log wait until they are sent."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from prefect.logging import get_logger
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from rios_flows.orchestration import log_post
from rios_flows.orchestration.log_post import LogPost, posted

RUN, OTHER = uuid4(), uuid4()


class Sent:
    """A server that takes lines, or refuses the first few messages."""

    def __init__(self, refuses: int = 0) -> None:
        self.messages: list[list[str]] = []
        self._refuses = refuses

    def create_logs(self, lines: Any) -> None:
        if self._refuses:
            self._refuses -= 1
            raise ConnectionError("away")
        assert all("__payload_size__" not in line for line in lines)
        self.messages.append([line["message"] for line in lines])


@pytest.fixture
def prefects(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines that go Prefect's own way."""
    lines: list[str] = []
    monkeypatch.setattr(log_post, "emit_api_log", lambda line: lines.append(line["message"]))
    monkeypatch.setattr(
        APILogHandler, "emit", lambda self, record: lines.append(record.getMessage())
    )
    return lines


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = get_logger("flow_runs")
    # Prefect has put one there if a flow has run in this process
    handlers = [] if logger.handlers else [APILogHandler()]
    for handler in handlers:
        logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield logger
    logger.setLevel(level)
    for handler in handlers:
        logger.removeHandler(handler)


def say(logger: logging.Logger, text: str, run: Any = RUN, **more: Any) -> None:
    logger.info(text, extra={"flow_run_id": str(run), **more})


def test_lines_wait_until_they_are_sent(logger: logging.Logger, prefects: list[str]) -> None:
    post, server = LogPost(RUN), Sent(refuses=2)
    say(logger, "before")
    with posted(post):
        say(logger, "one")
        say(logger, "of another run", OTHER)
        say(logger, "not for the server", send_to_api=False)
        for _ in range(2):
            with pytest.raises(ConnectionError):
                post.send(server)  # type: ignore[arg-type]
        say(logger, "two")
        post.send(server)  # type: ignore[arg-type]
        # nothing is sent twice
        post.send(server)  # type: ignore[arg-type]
        say(logger, "left")
    say(logger, "after")
    assert server.messages == [["one", "two"]]
    assert prefects == ["before", "of another run", "left", "after"]


def test_many_lines_go_in_parts(
    logger: logging.Logger, prefects: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_post, "MOST_CHARACTERS", 2000)
    post, server = LogPost(RUN), Sent()
    with posted(post):
        for number in range(5):
            say(logger, f"{number} {'x' * 1000}")
        say(logger, "y" * 5000)
        post.send(server)  # type: ignore[arg-type]
    # two lines of some 1,300 characters are too many for one message
    assert [len(lines) for lines in server.messages] == [1] * 6


def test_too_many_lines_are_dropped_and_it_is_said(
    logger: logging.Logger, prefects: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_post, "MOST_LINES", 3)
    post, server = LogPost(RUN), Sent()
    with posted(post):
        for number in range(10):
            say(logger, str(number))
        post.send(server)  # type: ignore[arg-type]
    assert server.messages == [["7 lines before this one were dropped\n7", "8", "9"]]


def test_a_server_that_takes_no_logs(
    logger: logging.Logger, prefects: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    post, server = LogPost(RUN), Sent()
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: False}), posted(post):
        say(logger, "one")
        post.send(server)  # type: ignore[arg-type]
    assert server.messages == []
