"""Bringing files to disk, so that they survive a loss of power."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

#: How many files are synced at once: the file system writes its journal once for many of them.
SYNCED_AT_ONCE = 16

#: How many files of a directory are listed at a time.
BATCH = 1024

#: Errors of a file system that cannot sync this directory, or any.
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF)


def sync(path: Path) -> None:
    """Bring a file, or all of a directory, to disk, or raise OSError."""
    if path.is_file():
        _sync_file(path)
        return
    files = (file for file in path.rglob("*") if file.is_file())
    # syncfs would be one call, but it waits for what others write, and some file systems (overlay,
    # FUSE) do not report errors then
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
    """Bring new names to disk, or raise OSError; not every file system can."""
    try:
        _sync_file(Path(path))
    except OSError as error:
        if error.errno not in _CANNOT:
            raise


@contextmanager
def syncing(path: str) -> Iterator[None]:
    """Bring a file's content so far to disk meanwhile, so that the last :func:`sync` is short."""
    with ThreadPoolExecutor(1, "sync") as pool:
        done = pool.submit(sync, Path(path))
        yield
    # Linux reports a failure once only: the last sync would succeed
    done.result()
