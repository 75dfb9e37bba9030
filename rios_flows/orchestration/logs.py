"""What the engine logs, in the log of the flow run."""

from __future__ import annotations

import logging
from collections.abc import Callable

ENGINE = logging.getLogger("rios_flows")


class EngineLog(logging.Handler):
    """Hands what rios_flows logs to the flow run, or keeps it until there is one.

    Terminal and log files are none of its business: other handlers serve them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[logging.LogRecord] = []
        self._send: Callable[[logging.LogRecord], None] | None = None

    def __enter__(self) -> EngineLog:
        ENGINE.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        ENGINE.removeHandler(self)

    def forward(self, send: Callable[[logging.LogRecord], None]) -> None:
        """Send what was kept, and from now on everything."""
        self._send = send
        kept, self._kept = self._kept, []
        for record in kept:
            send(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, or send it on."""
        if not logging.root.handlers and logging.lastResort is not None:
            # Python prints what has no handler; this one must not keep it from that
            logging.lastResort.handle(record)
        if self._send is None:
            self._kept.append(record)
        else:
            self._send(record)
