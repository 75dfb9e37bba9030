"""Room on a disk, taken before it is needed."""

from __future__ import annotations

import ctypes
import errno
import os

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def allocate(handle: int, begin: int, length: int) -> None:
    """Take room for a part of an open file, where its file system can; raise OSError if it is full.

    ``os.posix_fallocate`` would write into every page where it cannot.
    """
    function = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if function is None or not length:
        return
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    if function(handle, 0, begin, length) and ctypes.get_errno() in _FULL:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
