"""What is asked of a Prefect server that may be away for a while."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
from prefect.exceptions import PrefectHTTPStatusError

from rios_flows.basics.errortext import summary_of
from rios_flows.orchestration.lane_logs import Logger

#: How long the end of a run waits for a server that is away (s), and the variable that changes it.
WAIT, WAIT_VARIABLE = 60.0, "RIOS_FLOWS_SERVER_WAIT"
#: How long to wait for a server at the end of a run that was interrupted (s).
WAIT_INTERRUPTED = 5.0
#: Pause between two looks for a server that is away (s).
PAUSE = 3.0
#: How often the same may fail while the server answers otherwise, before it is given up.
TRIES = 6

# a proxy before it says so, or it has too much to do
_BUSY = (408, 429, 502, 503, 504)


def seconds_to_wait() -> float:
    """Return how long the end of a run waits for a server that is away (s)."""
    with suppress(ValueError):
        return max(0.0, float(os.environ.get(WAIT_VARIABLE, WAIT)))
    return WAIT


class ServerLink:
    """Does what needs the server, unless the server is away; for one thread.

    What fails because the server does not answer is worth another try. What the server refuses is
    given up, with one warning.

    Parameters
    ----------
    logger : Logger
        Where failures are told.
    answers : callable
        Raises an error if the server does not answer.
    """

    def __init__(self, logger: Logger, answers: Callable[[], None]) -> None:
        self._logger = logger
        self._answers = answers
        self._refused: set[str] = set()
        self._failed: Counter[str] = Counter()
        self._away_since: float | None = None
        self._next_look = 0.0

    @property
    def is_away(self) -> bool:
        """Whether the server did not answer when it was last asked; it may be asked again."""
        return self._away_since is not None

    def do(self, what: str, action: Callable[..., None], *arguments: Any) -> bool:
        """Do something; return whether it need not be tried again: it is done, or was refused."""
        if what in self._refused:
            return True
        if not self._may_answer():
            return False
        try:
            action(*arguments)
        # rich ends a program whose terminal has gone
        except (Exception, SystemExit) as error:
            self._failed[what] += 1
            if means_away(error) and self._failed[what] < TRIES:
                self._goes(error)
                return False
            self._refuse(what, error)
            return True
        self._failed[what] = 0
        self._comes_back()
        return True

    def do_until(self, deadline: float, what: str, action: Callable[..., None], *more: Any) -> bool:
        """Do something, and wait for the server until then (by ``time.monotonic``)."""
        while not self.do(what, action, *more):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(PAUSE / 2, left))
        return True

    def do_here(self, what: str, action: Callable[..., None], *arguments: Any) -> None:
        """Do something that needs no server."""
        if what in self._refused:
            return
        try:
            action(*arguments)
        except (Exception, SystemExit) as error:
            self._refuse(what, error)

    def _refuse(self, what: str, error: BaseException) -> None:
        # once is enough
        self._refused.add(what)
        self._tell("Not shown in Prefect: %s: %r", what, error)

    def _may_answer(self) -> bool:
        if self._away_since is None:
            return True
        if time.monotonic() < self._next_look:
            return False
        try:
            self._answers()
        except (Exception, SystemExit):
            self._next_look = time.monotonic() + PAUSE
            return False
        return True

    def _goes(self, error: BaseException) -> None:
        self._next_look = time.monotonic() + PAUSE
        if self._away_since is None:
            self._away_since = time.monotonic()
            self._tell(
                "The Prefect server does not answer (%s); the run goes on, and is shown again when "
                "it does",
                summary_of(error),
            )

    def _comes_back(self) -> None:
        if self._away_since is not None:
            seconds, self._away_since = time.monotonic() - self._away_since, None
            self._tell("The Prefect server answers again, after %.0f s", seconds)

    def _tell(self, message: str, *arguments: Any) -> None:
        with suppress(Exception, SystemExit):
            self._logger.warning(message, *arguments)


def means_away(error: BaseException) -> bool:
    """Return whether an error means that the server does not answer, for now."""
    if isinstance(error, PrefectHTTPStatusError):
        return error.response.status_code in _BUSY
    return isinstance(error, httpx.TransportError | ConnectionError)
