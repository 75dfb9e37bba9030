"""Getting files onto disk, so that they survive a loss of power."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

logger = logging.getLogger(__name__)


def sync(path: Path) -> None:
    """Make sure that a file, or all of a directory, is on disk.

    Raises
    ------
    OSError
        If it cannot be brought there.
    """
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def sync_directory(path: str) -> None:
    """Make sure that new names are on disk; not every file system can."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def syncing(path: str) -> Iterator[None]:
    """Bring what a file holds by now to disk meanwhile, so that the last :func:`sync` is short."""
    thread = Thread(target=_try_sync, args=(Path(path),), name="sync")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _try_sync(path: Path) -> None:
    try:
        sync(path)
    except OSError as error:
        # the last sync tells, if it is to last
        logger.debug("'%s' is not on disk yet: %s", path, error)
