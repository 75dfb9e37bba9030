"""What a worker logs, warns of and prints, told by the main process with the worker's name."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rios_flows.basics.naming import ECHO_VARIABLE
from rios_flows.basics.streams import Careful
from rios_flows.workers.wire import Connection, ConnectionLost

logger = logging.getLogger(__name__)


def show(worker: str, message: tuple[Any, ...]) -> None:
    """Tell what a worker has said."""
    match message:
        case ("log", record):
            record = logging.makeLogRecord(record)
            record.msg = f"{worker}: {record.msg}"
            log = logging.getLogger(record.name)
            if log.isEnabledFor(record.levelno):
                log.handle(record)
        case ("print", stream, text):
            logger.info("%s: %s", worker, text)
            if not _is_log_shown():
                # where prints would be without workers
                Careful(getattr(sys, stream)).write(f"{worker}: {text}\n")


def _is_log_shown() -> bool:
    # the log of a flow run is another: nobody sees it in a terminal
    root, level = logging.getLogger(), logging.INFO
    return root.hasHandlers() and root.isEnabledFor(level) and logger.isEnabledFor(level)


class Relay(logging.Handler):
    """Sends log records, and lines that are printed, to the main process."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self._echoes = os.environ.pop(ECHO_VARIABLE, "") and sys.__stderr__ is not None

    def install(self) -> None:
        """Take over the log and the streams of this process."""
        logging.captureWarnings(True)
        root = logging.getLogger()
        root.addHandler(self)
        root.setLevel(logging.INFO)
        sys.stdout = _Lines("stdout", self.say)
        sys.stderr = _Lines("stderr", self.say)

    def uninstall(self) -> None:
        """Give log and streams back."""
        logging.getLogger().removeHandler(self)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__

    def flush(self) -> None:
        """Send lines that have no end yet."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, _Lines):
                stream.send_rest()

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


class _Lines(io.TextIOBase):
    """A stream that hands on whole lines."""

    def __init__(self, name: str, say: Callable[..., None]) -> None:
        self._name = name
        self._say = say
        self._begun: deque[str] = deque()
        # the garbage collector may have this thread print something in here
        self._lock = threading.RLock()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._lock:
            *lines, rest = text.split("\n")
            if lines:
                lines[0] = "".join(self._begun) + lines[0]
                self._begun.clear()
            if rest:
                self._begun.append(rest)
            for line in lines:
                self._say("print", self._name, line)
        return len(text)

    def send_rest(self) -> None:
        """Send a line that has no end yet."""
        with self._lock:
            rest = "".join(self._begun)
            self._begun.clear()
            if rest:
                self._say("print", self._name, rest)
