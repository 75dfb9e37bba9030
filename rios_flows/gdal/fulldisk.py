"""Whether a failure to write may be due to a full disk, which GDAL seldom reports."""

from __future__ import annotations

import errno
import os
import re

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OTHERS = errno.errorcode.keys() - set(_FULL)
#: GDAL's words for a file that is too large for its format.
_FORMAT_FULL = re.compile("maximum .*size", re.IGNORECASE)
_WRITING = re.compile("writ|append|extend|flush|seek|save auxiliary", re.IGNORECASE)


def cause_of(error: BaseException) -> BaseException:
    """Return the first cause that has a text: rasterio's own message is often only a pointer."""
    found, cause = error, error.__cause__
    while cause is not None:
        found, cause = (cause if str(cause) else found), cause.__cause__
    return found


def with_hint(error: BaseException) -> str:
    """Return the text of an error, and ask about the disk if that may be the cause."""
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
    # GDAL says only that it could not write
    return bool(_WRITING.search(text)) and not any(os.strerror(code) in text for code in _OTHERS)
