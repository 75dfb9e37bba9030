"""Standard output and error, even broken ones: text that cannot be shown must not end a run."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


def is_terminal(stream: Any) -> bool:
    """Return whether a stream is a terminal; False if it is None, is closed, or cannot say."""
    try:
        return bool(stream.isatty())
    except Exception:
        return False


class Careful:
    """A stream that takes every text, and drops what the stream behind it cannot take."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, with escapes for characters that the encoding lacks."""
        # its reader may be gone, and it may be any object instead of a file
        with suppress(Exception):
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                encoding = self._stream.encoding
                self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Show the text now."""
        with suppress(Exception):
            self._stream.flush()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return is_terminal(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Standard:
    """Replaces broken standard streams while any run works."""

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
        before = now = getattr(sys, name)
        if not _is_open(before):
            # as Python does without a console: nothing tries to write there
            now = None
        elif name == "stderr" and not _takes_all(before):
            # logging raises errors if it cannot print one
            now = Careful(before)
        if now is not before:
            self._put[name] = before, now
            setattr(sys, name, now)


_STANDARD = _Standard()


@contextmanager
def usable() -> Iterator[None]:
    """Make sure for a while that standard streams can be written to, or are None."""
    _STANDARD.enter()
    try:
        yield
    finally:
        _STANDARD.leave()


def _is_open(stream: Any) -> bool:
    # do not write anything to find out: the object may put every text into a log
    return callable(getattr(stream, "write", None)) and getattr(stream, "closed", False) is not True


def _takes_all(stream: Any) -> bool:
    try:
        "\u2588".encode(stream.encoding or "utf-8", stream.errors or "strict")
    except Exception as error:
        # any other means that the encoding is not known
        return not isinstance(error, UnicodeEncodeError)
    return True


def _fill_gaps() -> None:
    """Open the first three files of the process if they are closed."""
    # otherwise an output could get such a number, and C libraries would print into it
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                # open() takes the lowest free number
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
