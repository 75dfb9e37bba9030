"""One change of a raster file at a time, in all threads and processes of a machine.

Two at a time would each write what the other has not: a side-car file without the other's column.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import fspath

from rios_flows import rioserrors
from rios_flows.basics.forks import close, keep_from_children

logger = logging.getLogger(__name__)

# open datasets, what is no file, and file systems without locks: one thread of this process
_others = threading.RLock()


class _Held(threading.local):
    """The files that this thread has locked, by device and number."""

    def __init__(self) -> None:
        self.files = set[tuple[int, int] | None]()
        self.alone = set[tuple[int, int] | None]()


_held = _Held()


@contextmanager
def one_change(raster: object) -> Iterator[None]:
    """Wait until nobody else changes a raster, and keep others waiting; may be nested."""
    handle = None
    if isinstance(raster, str | os.PathLike):
        if _number_of(raster) in _held.alone:
            raise rioserrors.ImageOpenError(
                f"'{fspath(raster)}' is open for changes by ratapplier.apply with setWriteAtOnce, "
                "and cannot be changed from inside the function; do so afterwards, or leave "
                "setWriteAtOnce out"
            )
        if _number_of(raster) in _held.files:
            yield
            return
        handle = _locked(raster)
    if handle is None:
        with _others:
            yield
        return
    found = os.fstat(handle)
    mine = (found.st_dev, found.st_ino)
    _held.files.add(mine)
    try:
        yield
    finally:
        _held.files.discard(mine)
        # it was open for reading: it is closed, and the lock gone, whatever the system tells
        with suppress(OSError):
            close(handle)


@contextmanager
def no_other_change(raster: str | os.PathLike[str]) -> Iterator[None]:
    """Refuse other changes by this thread, of which GDAL's open dataset would not know."""
    mine = _number_of(raster)
    # what is no file has no number
    if mine is None or mine in _held.alone:
        yield
        return
    _held.alone.add(mine)
    try:
        yield
    finally:
        _held.alone.discard(mine)


def _locked(path: str | os.PathLike[str]) -> int | None:
    """Lock the raster itself, which leaves no file of locks behind; None if that is impossible."""
    while True:
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            # whoever opens it for changes will tell why
            return None
        try:
            _lock(handle, path)
            keep_from_children(handle)
            found = os.fstat(handle)
            if _number_of(path) == (found.st_dev, found.st_ino):
                return handle
        except OSError as error:
            logger.debug("'%s' cannot be locked: %s", path, error)
            os.close(handle)
            return None
        except BaseException:
            os.close(handle)
            raise
        # another file was put in its place
        with suppress(OSError):
            close(handle)


def _lock(handle: int, path: str | os.PathLike[str]) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.info("Waiting for another change of '%s' to end", path)
        fcntl.flock(handle, fcntl.LOCK_EX)


def _number_of(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
