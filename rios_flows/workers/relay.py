"""What a worker logs, warns of and prints, told by the main process with the worker's name."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import Any

from rios_flows.basics.naming import ECHO_VARIABLE
from rios_flows.basics.streams import Careful
from rios_flows.workers.lines import Lines
from rios_flows.workers.wire import Connection, ConnectionLost

logger = logging.getLogger(__name__)


def show(worker: str, message: tuple[Any, ...]) -> None:
    """Tell what a worker has said."""
    match message:
        case ("log", told):
            log = logging.getLogger(told["name"])
            if log.isEnabledFor(told["levelno"]):
                log.handle(_made(log, worker, told))
        case ("print", stream, text):
            logger.info("%s: %s", worker, text)
            if not _is_log_shown():
                # where prints would be without workers
                Careful(getattr(sys, stream)).write(f"{worker}: {text}\n")


def _made(log: logging.Logger, worker: str, told: dict[str, Any]) -> logging.LogRecord:
    """Make a record of what a worker tells, as one of this process is made."""
    text, place = f"{worker}: {told['msg']}", (told["pathname"], told["lineno"])
    record = log.makeRecord(log.name, told["levelno"], *place, text, (), None, told["funcName"])
    record.created, record.levelname = told["created"], told["levelname"]
    return record


def _is_log_shown() -> bool:
    # the log of a flow run is another: nobody sees it in a terminal
    root, level = logging.getLogger(), logging.INFO
    return root.hasHandlers() and root.isEnabledFor(level) and logger.isEnabledFor(level)


class Relay(logging.Handler):
    """Sends log records, and lines that are printed, to the main process."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self._lines: tuple[Lines, ...] = ()
        self._echoes = os.environ.pop(ECHO_VARIABLE, "") and sys.__stderr__ is not None

    def install(self) -> None:
        """Take over the log and the streams of this process."""
        logging.captureWarnings(True)
        root = logging.getLogger()
        root.addHandler(self)
        root.setLevel(logging.INFO)
        self._lines = Lines("stdout", self.say), Lines("stderr", self.say)
        sys.stdout, sys.stderr = self._lines

    def uninstall(self) -> None:
        """Give log and streams back."""
        logging.getLogger().removeHandler(self)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__

    def flush(self) -> None:
        """Send lines that have no end yet."""
        for stream in (sys.stdout, sys.stderr):
            # the user function may have put another one before ours, which keeps something back
            with suppress(Exception):
                stream.flush()
        for lines in self._lines:
            lines.send_rest()

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; its arguments may be of any kind, and stay here."""
        told = {
            "name": record.name,
            "levelno": record.levelno,
            "levelname": record.levelname,
            "msg": self.format(record),
            "created": record.created,
            "pathname": record.pathname,
            "lineno": record.lineno,
            "funcName": record.funcName,
        }
        self.say("log", told)

    def say(self, *message: Any) -> None:
        """Send a message that is no answer."""
        if self._echoes:
            text = message[1]["msg"] if message[0] == "log" else message[2]
            print(text, file=sys.__stderr__, flush=True)
        # when the run is gone, somebody else sees to it
        with suppress(ConnectionLost):
            self._connection.send(message)
