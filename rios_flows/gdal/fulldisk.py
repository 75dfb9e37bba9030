"""Whether a failure to write may be for want of room, which GDAL seldom tells."""

from __future__ import annotations

import errno
import os
import re

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OTHERS = (
    errno.EACCES,
    errno.EIO,
    errno.EISDIR,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOENT,
    errno.ENOMEM,
    errno.EPERM,
    errno.EROFS,
    errno.ESTALE,
)
#: What GDAL says of a file that its format has no room for.
_FORMAT_FULL = re.compile("maximum .*size", re.IGNORECASE)
_WRITING = re.compile("writ|append|extend|flush|seek", re.IGNORECASE)


def cause_of(error: BaseException) -> BaseException:
    """Return the first of the errors that led to this one, as far as it says anything.

    rasterio often says no more than where to look.
    """
    found, cause = error, error.__cause__
    while cause is not None:
        found, cause = (cause if str(cause) else found), cause.__cause__
    return found


def with_hint(error: BaseException) -> str:
    """Return what an error says, and ask for the disk where that may have been the cause."""
    text = str(error)
    return f"{text}; is the disk full?" if _may_be_full(error, text) else text


def _may_be_full(error: BaseException, text: str) -> bool:
    number = getattr(error, "errno", None)
    if isinstance(number, int) and isinstance(error, OSError):
        return number in _FULL
    if any(os.strerror(code) in text for code in _FULL):
        return True
    if _FORMAT_FULL.search(text):
        return False
    # GDAL says little more than that it could not write
    return bool(_WRITING.search(text)) and not any(os.strerror(code) in text for code in _OTHERS)
