"""Getting files onto disk, so that they survive a loss of power."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

#: Files of a directory that are synced at once: the file system writes its own journal once for
#: many of them.
SYNCED_AT_ONCE = 16

#: Files of a directory that are looked up before they are synced.
BATCH = 1024

#: What a file system says that cannot sync directories, or not this one.
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF)


def sync(path: Path) -> None:
    """Make sure that a file, or all of a directory, is on disk, or raise OSError."""
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
    """Make sure that new names are on disk, or raise OSError; not every file system can."""
    try:
        _sync_file(Path(path))
    except OSError as error:
        if error.errno not in _CANNOT:
            raise


@contextmanager
def syncing(path: str) -> Iterator[None]:
    """Bring what a file holds by now to disk meanwhile, so that the last :func:`sync` is short.

    Linux tells of a failure once, and the last :func:`sync` would succeed: hence OSError.
    """
    with ThreadPoolExecutor(1, "sync") as pool:
        done = pool.submit(sync, Path(path))
        yield
    done.result()
