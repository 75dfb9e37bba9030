"""Standard output and error, whatever became of them: what cannot be shown must not end a run."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


def is_terminal(stream: Any) -> bool:
    """Tell whether a stream is a terminal; one that is None, closed or cannot say it is none."""
    try:
        return bool(stream.isatty())
    except Exception:
        return False


class Careful:
    """A stream that takes every text, and drops what the stream behind it cannot have.

    Parameters
    ----------
    stream : file or None
        Where the text goes.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, with escapes for what the encoding has no characters for."""
        # its reader may be gone, and any object may be in the place of a file
        with suppress(Exception):
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                encoding = self._stream.encoding
                self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Have it shown now."""
        with suppress(Exception):
            self._stream.flush()

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""
        return is_terminal(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Standard:
    """Puts something in the place of standard streams that are broken, while anybody works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._put: dict[str, tuple[Any, Any]] = {}

    def enter(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                _fill_gaps()
                for name in ("stdout", "stderr"):
                    self._mend(name)

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                for name, (before, now) in self._put.items():
                    if getattr(sys, name) is now:
                        setattr(sys, name, before)
                self._put.clear()

    def _mend(self, name: str) -> None:
        stream = getattr(sys, name)
        if stream is None:
            return
        instead: Any = stream
        if not _is_open(stream):
            # what Python itself has where there is no console: nothing tries to write there
            instead = None
        elif name == "stderr" and not _takes_all(stream):
            # logging raises errors where it cannot tell of one
            instead = Careful(stream)
        if instead is not stream:
            self._put[name] = stream, instead
            setattr(sys, name, instead)


_STANDARD = _Standard()


@contextmanager
def usable() -> Iterator[None]:
    """Have standard streams that logging and warnings can write to, or None, for the time being."""
    _STANDARD.enter()
    try:
        yield
    finally:
        _STANDARD.leave()


def _is_open(stream: Any) -> bool:
    # nothing is written to find out: it may be an object that makes a line of a log of everything
    return callable(getattr(stream, "write", None)) and getattr(stream, "closed", False) is not True


def _takes_all(stream: Any) -> bool:
    try:
        "\u2588".encode(stream.encoding or "utf-8", stream.errors or "strict")
    except UnicodeEncodeError:
        return False
    except Exception:
        # it does not say
        return True
    return True


def _fill_gaps() -> None:
    """Open the first three files of the process, where they are closed.

    An output could be the next one, and what libraries in C print would go into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                # gets the lowest number that is free
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
