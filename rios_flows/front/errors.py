"""Messages in the words of options: those of the engine name RIOS's setters."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from rios_flows.basics.tracebacks import shortened
from rios_flows.front.wording import in_plain_words, names_setter
from rios_flows.rioserrors import RiosError

#: Whether what runs was called by ``rios_flows.apply``; threads of a run take it over.
_plainly: ContextVar[bool] = ContextVar("plainly", default=False)

_PACKAGE = __name__.partition(".")[0]


@contextmanager
def plainly() -> Iterator[None]:
    """Have log lines of this package say what options are called here."""
    _teach_logging()
    before = _plainly.set(True)
    try:
        yield
    finally:
        _plainly.reset(before)


def reworded(error: RiosError) -> RiosError:
    """Return an error to raise again whose text, and that of its causes, says the same."""
    every: BaseException | None = error
    while isinstance(every, RiosError):
        if len(every.args) == 1 and isinstance(every.args[0], str):
            every.args = (in_plain_words(every.args[0]),)
        every = every.__cause__
    return shortened(error)


class _Records:
    """Makes log records, in the words of options where a run was begun here."""

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self._make = make

    def __call__(self, name: str, *args: Any, **named: Any) -> logging.LogRecord:
        record = self._make(name, *args, **named)
        if _plainly.get() and str(name).partition(".")[0] == _PACKAGE:
            text = record.getMessage()
            if names_setter(text):
                record.msg, record.args = in_plain_words(text), ()
        return record


def _teach_logging() -> None:
    """Have records reworded; filters of a logger do not see those of its children."""
    make = logging.getLogRecordFactory()
    if not isinstance(make, _Records):
        logging.setLogRecordFactory(_Records(make))
