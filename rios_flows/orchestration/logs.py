"""What the engine logs, in the log of the flow run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

ENGINE = logging.getLogger("rios_flows")

#: Finds out which logger a message belongs to, in the thread and context it is logged in.
FindLogger = Callable[[], "logging.Logger | logging.LoggerAdapter[Any] | None"]


class EngineLog(logging.Handler):
    """Hands on what rios_flows logs while it is entered; keeps it until it knows whom to.

    Prefect's handlers print what they get, so nothing is lost for the terminal.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[logging.LogRecord] = []
        self._find: FindLogger | None = None

    def __enter__(self) -> EngineLog:
        ENGINE.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        ENGINE.removeHandler(self)

    def forward(self, find: FindLogger) -> None:
        """Hand on what was kept, and from now on everything, to the logger that ``find`` returns."""
        self._find = find
        kept, self._kept = self._kept, []
        for record in kept:
            self.emit(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, or hand it on."""
        if self._find is None:
            self._kept.append(record)
            return
        logger = self._find()
        if logger is not None:
            logger.log(record.levelno, "%s", record.getMessage(), exc_info=record.exc_info)
