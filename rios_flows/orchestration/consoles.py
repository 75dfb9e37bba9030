"""Prefect's log on standard error: a run must not end because its reader has gone."""

from __future__ import annotations

import logging
from typing import IO, cast

from prefect.logging.handlers import PrefectConsoleHandler

from rios_flows.basics.streams import Careful


def make_careful() -> None:
    """Make Prefect's handlers drop lines that cannot be written; a closed pipe would end them."""
    loggers = [logging.getLogger(), *logging.getLogger().manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):  # a placeholder has none
            if isinstance(handler, PrefectConsoleHandler):
                console = handler.console
                if not isinstance(console.file, Careful):
                    console.file = cast(IO[str], Careful(console.file))
