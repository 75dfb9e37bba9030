"""Getting files onto disk, so that they survive a loss of power."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from threading import Thread

logger = logging.getLogger(__name__)

#: Files of a directory that are synced at once: the file system writes its own journal once for
#: many of them.
SYNCED_AT_ONCE = 16

#: Files of a directory that are looked up before they are synced.
BATCH = 1024


def sync(path: Path) -> None:
    """Make sure that a file, or all of a directory, is on disk.

    Raises
    ------
    OSError
        If it cannot be brought there.
    """
    if path.is_file():
        _sync_file(path)
        return
    files = (file for file in path.rglob("*") if file.is_file())
    # syncfs would be one call, but it waits for what others write, and not every file system
    # (overlay, FUSE) tells of errors then
    with ThreadPoolExecutor(SYNCED_AT_ONCE, "sync") as pool:
        while some := list(islice(files, BATCH)):
            for _ in pool.map(_sync_file, some):
                pass


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
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
