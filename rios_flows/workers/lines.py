"""Streams of a worker in place of standard output and error: whole lines go to the main process."""

from __future__ import annotations

import codecs
import io
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any


class Lines(io.TextIOBase):
    """A stream that hands on whole lines; to all else it looks like the one it stands for.

    What is written to its file is the process's own output, which has another way home.

    Parameters
    ----------
    name : str
        "stdout" or "stderr".
    say : callable
        Gets "print", the name, and each line.
    """

    encoding = "utf-8"
    errors = "backslashreplace"
    mode = "w"

    def __init__(self, name: str, say: Callable[..., None]) -> None:
        self._name = name
        self.name = f"<{name}>"
        self._say = say
        self._begun: deque[str] = deque()
        # the garbage collector may have this thread print something in here
        self._lock = threading.RLock()
        #: for bytes
        self.buffer = _Bytes(self)

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the file of the process, for its children and for C libraries."""
        own = getattr(sys, f"__{self._name}__")
        number: int = super().fileno() if own is None else own.fileno()
        return number

    def detach(self) -> Any:
        """Return what takes bytes; this stream stays usable."""
        return self.buffer

    def reconfigure(self, **_: object) -> None:
        """Stay as it is: lines are text until they are shown."""

    def write(self, text: str) -> int:
        """Hand on the lines that are complete now."""
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


class _Bytes(io.RawIOBase):
    """Takes the bytes of a stream of lines."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._decoder = codecs.getincrementaldecoder(lines.encoding)(lines.errors)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._lines.fileno()

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._lines.write(self._decoder.decode(view))
        return view.nbytes
