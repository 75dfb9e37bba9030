"""Messages in the words of options: those of the engine name RIOS's setters."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rios_flows.basics.tracebacks import shortened
from rios_flows.front.wording import in_plain_words, names_setter
from rios_flows.rioserrors import RiosError

#: Whether what runs was called by ``rios_flows.apply``; threads of a run take it over.
_plainly: ContextVar[bool] = ContextVar("plainly", default=False)


@contextmanager
def plainly() -> Iterator[None]:
    """Have log lines of this package say what options are called here."""
    _teach_loggers()
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


class _InPlainWords(logging.Filter):
    """Rewords log lines of runs that were begun here."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _plainly.get():
            text = record.getMessage()
            if names_setter(text):
                record.msg, record.args = in_plain_words(text), ()
        return True


_FILTER = _InPlainWords()


def _teach_loggers() -> None:
    """Let every logger of this package reword; filters of a logger do not see its children's."""
    package = __name__.partition(".")[0]
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] != package or isinstance(logger, logging.PlaceHolder):
            continue
        if _FILTER not in logger.filters:
            logger.addFilter(_FILTER)
