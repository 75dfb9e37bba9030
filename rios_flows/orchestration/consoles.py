"""Prefect's log on standard error: that its reader has gone must not end a run."""

from __future__ import annotations

import logging
from typing import IO, cast

from prefect.logging.handlers import PrefectConsoleHandler

from rios_flows.basics.streams import Careful


def make_careful() -> None:
    """Have Prefect's handlers drop what cannot be written; on a closed pipe they would exit."""
    loggers = [logging.getLogger(), *logging.getLogger().manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):  # a placeholder has none
            if isinstance(handler, PrefectConsoleHandler):
                console = handler.console
                if not isinstance(console.file, Careful):
                    console.file = cast(IO[str], Careful(console.file))
