"""The engine's log records during a call of ``apply()``, for the log of its flow run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextvars import ContextVar, Token

ENGINE = logging.getLogger("rios_flows")

# The call that the logging code belongs to; lanes run in copies of the context of their flow.
_listening: ContextVar[EngineLog | None] = ContextVar("rios_flows_log", default=None)


class EngineLog:
    """Passes log records of one call to its flow run, or keeps them until there is one."""

    def __init__(self) -> None:
        self._kept: list[logging.LogRecord] = []
        self._send: Callable[[logging.LogRecord], None] | None = None
        self._token: Token[EngineLog | None]

    def __enter__(self) -> EngineLog:
        _tap.open()
        self._token = _listening.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _listening.reset(self._token)
        _tap.close_one()

    def forward(self, send: Callable[[logging.LogRecord], None]) -> None:
        """Send the kept records, and from now on every record."""
        self._send = send
        kept, self._kept = self._kept, []
        for record in kept:
            send(record)

    def hear(self, record: logging.LogRecord) -> None:
        """Keep a record, or send it on."""
        if self._send is None:
            self._kept.append(record)
        else:
            self._send(record)


class _Tap(logging.Handler):
    """Stands between the engine's logger and those above, and gives each call its records.

    Other handlers do not notice: records below the user's level are only for the calls.
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls = 0
        self._mutex = threading.Lock()
        self._before = (logging.NOTSET, True)

    def open(self) -> None:
        with self._mutex:
            self._calls += 1
            if self._calls > 1:
                return
            self._before = (ENGINE.level, ENGINE.propagate)
            # a level or handler that the user has set here decides
            if ENGINE.level == logging.NOTSET and not ENGINE.handlers:
                ENGINE.setLevel(logging.INFO)
            ENGINE.propagate = False
            ENGINE.addHandler(self)

    def close_one(self) -> None:
        with self._mutex:
            self._calls -= 1
            if self._calls:
                return
            ENGINE.removeHandler(self)
            level, ENGINE.propagate = self._before
            ENGINE.setLevel(level)

    def handle(self, record: logging.LogRecord) -> bool:
        # no lock here: the called handlers have their own
        log = _listening.get()
        if log is not None:
            log.hear(record)
        above = ENGINE.parent
        if above is None or not self._before[1] or not self._wanted(record, above):
            return True
        if above.hasHandlers() or not self._others_below(record):
            # with Python's last resort, if there is no handler
            above.callHandlers(record)
        return True

    def _wanted(self, record: logging.LogRecord, above: logging.Logger) -> bool:
        levels = [logger.level for logger in _chain(record)[:-1]]
        return any([*levels, self._before[0]]) or above.isEnabledFor(record.levelno)

    def _others_below(self, record: logging.LogRecord) -> bool:
        return any(handler is not self for log in _chain(record) for handler in log.handlers)


def _chain(record: logging.LogRecord) -> list[logging.Logger]:
    """Return the loggers from the record's up to the engine's."""
    chain = [logging.getLogger(record.name)]
    while chain[-1] is not ENGINE and chain[-1].parent is not None:
        chain.append(chain[-1].parent)
    return chain


_tap = _Tap()
