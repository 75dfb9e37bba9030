"""What is asked of a server that goes away and comes back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prefect.exceptions import PrefectHTTPStatusError

from rios_flows.orchestration import server_link
from rios_flows.orchestration.server_link import ServerLink, means_away, seconds_to_wait

GONE = httpx.ConnectError("connection refused")


class Fake:
    """A server that answers or not, and what it was told."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.asked = 0
        self.told: list[str] = []

    def answers(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error

    def tell(self, word: str) -> None:
        if self.error is not None:
            raise self.error
        self.told.append(word)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass only when a test, or what waits, says so."""
    now = [1000.0]

    def passes(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", passes)
    return passes


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def link(fake: Fake) -> ServerLink:
    return ServerLink(logging.getLogger("test.link"), fake.answers)


def test_it_comes_back(
    fake: Fake,
    link: ServerLink,
    clock: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert link.do("words", fake.tell, "one")
    fake.error = GONE
    assert not link.do("words", fake.tell, "two")
    # it is left alone for a while, and then asked whether it is there
    assert not link.do("words", fake.tell, "two")
    assert fake.asked == 0
    for _ in range(100):
        clock(server_link.PAUSE)
        assert not link.do("words", fake.tell, "two")
    assert fake.asked == 100
    fake.error = None
    clock(server_link.PAUSE)
    assert link.do("words", fake.tell, "two")
    assert fake.told == ["one", "two"]
    assert [record.message.partition(";")[0] for record in caplog.records] == [
        "The Prefect server does not answer (ConnectError: connection refused)",
        "The Prefect server answers again, after 303 s",
    ]


def test_what_it_refuses_is_not_asked_again(
    fake: Fake, link: ServerLink, caplog: pytest.LogCaptureFixture
) -> None:
    fake.error = ValueError("no such thing")
    # nothing is left to be done
    assert link.do("words", fake.tell, "one")
    fake.error = None
    assert link.do("words", fake.tell, "one")
    assert fake.told == []
    assert link.do("others", fake.tell, "two")
    assert [record.message for record in caplog.records] == [
        "Not shown in Prefect: words: ValueError('no such thing')"
    ]


def test_what_fails_alone_is_given_up(
    fake: Fake, link: ServerLink, clock: Callable[[float], None]
) -> None:
    tried = []

    def too_much() -> None:
        tried.append(1)
        raise httpx.ReadTimeout("no answer")

    assert link.do_until(time.monotonic() + 60, "the summary", too_much)
    assert len(tried) == server_link.TRIES
    assert link.do("words", fake.tell, "one")
    assert fake.told == ["one"]


def test_the_end_waits_for_it(
    fake: Fake,
    link: ServerLink,
    clock: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake.error = GONE
    began = time.monotonic()

    def passes(seconds: float) -> None:
        clock(seconds)
        if time.monotonic() > began + 30:
            fake.error = None

    monkeypatch.setattr(time, "sleep", passes)
    assert link.do_until(began + 60, "words", fake.tell, "one")
    assert fake.told == ["one"]
    assert time.monotonic() < began + 40


def test_the_end_does_not_wait_for_ever(
    fake: Fake, link: ServerLink, clock: Callable[[float], None]
) -> None:
    fake.error = GONE
    began = time.monotonic()
    assert not link.do_until(began + 60, "words", fake.tell, "one")
    assert began + 60 <= time.monotonic() < began + 61
    # what comes next does not wait once more
    assert not link.do_until(began + 60, "others", fake.tell, "one")
    assert time.monotonic() < began + 61


def test_what_needs_no_server(fake: Fake, link: ServerLink) -> None:
    fake.error = GONE
    assert not link.do("words", fake.tell, "one")
    drawn: list[int] = []
    link.do_here("the pictures", drawn.append, 1)
    assert drawn == [1]


def test_a_terminal_that_has_gone(link: ServerLink, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(*_: Any) -> None:
        raise SystemExit(1)

    # rich does that where nobody reads what it prints
    monkeypatch.setattr(logging.Logger, "warning", ends)
    link.do_here("the lanes", ends)
    assert link.do("the progress", ends)


def _status(code: int) -> PrefectHTTPStatusError:
    request = httpx.Request("POST", "http://localhost/artifacts/")
    return PrefectHTTPStatusError("no", request=request, response=httpx.Response(code))


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (GONE, True),
        (httpx.ReadTimeout("slow"), True),
        (ConnectionResetError("reset"), True),
        (_status(503), True),
        (_status(429), True),
        (_status(422), False),
        (_status(500), False),
        (FileNotFoundError("no font"), False),
        (ValueError("no"), False),
    ],
)
def test_what_means_that_it_is_away(error: BaseException, away: bool) -> None:
    assert means_away(error) is away


@pytest.mark.parametrize(
    ("given", "seconds"), [(None, 60), ("5", 5), ("0", 0), ("-3", 0), ("a while", 60)]
)
def test_how_long_to_wait(
    given: str | None, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RIOS_FLOWS_SERVER_WAIT", raising=False)
    if given is not None:
        monkeypatch.setenv("RIOS_FLOWS_SERVER_WAIT", given)
    assert seconds_to_wait() == seconds
