"""Why a store does not send a file: GDAL asks four times, and does not always say why."""

from __future__ import annotations

import ctypes
import logging
import re

from rasterio.env import ensure_env_with_credentials

from rios_flows.gdal.archives import container_of
from rios_flows.gdal.private import GDAL, gdal_path

logger = logging.getLogger(__name__)

_EXISTS, _SET_ERROR = 1, 8

#: How GDAL's messages begin if a store gave no answer: refused, too slow, unknown host.
_NO_ANSWER = "CURL error"

#: What GDAL says of a file that is missing, and of one that is refused and may be there.
_MISSING = ("HTTP response code: 404", "no such object")
_FORBIDDEN = ("HTTP response code: 403", "access denied")

#: The same by numbers of GDAL's errors, whose texts differ from store to store.
_TOLD = {6: "access denied", 8: "no such object"}

#: Stores from which GDAL can also stream a file, as it does with chunks; for streaming it remembers
#: on its own which files are there.
_STREAMED = re.compile(r"^/vsi(curl|s3|gs|az|oss|swift)/")

#: Arrays for which there was a warning.
_told: set[str] = set()

_stat = GDAL.VSIStatExL
_stat.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int]
_message = GDAL.VSIGetLastErrorMsg
_message.restype = ctypes.c_char_p
_forget = GDAL.VSICurlPartialClearCache
_forget.argtypes = [ctypes.c_char_p]


def why_silent(path: str) -> str | None:
    """Return why the store of a file does not answer; None if it does, or the file is local."""
    if "://" not in path and "/vsi" not in path:
        return None
    try:
        name = gdal_path(path)
    except Exception:
        return None  # opening the file will show
    if "/vsi" not in name:
        return None
    store = container_of(name)
    told: str | None = ensure_env_with_credentials(lambda _: _asked(store))(path)
    return told


def why_not_sent(name: str, beside: str) -> str | None:
    """Return why a store did not send a file that GDAL just read; None if sent or missing."""
    if _said(_STREAMED.sub(r"/vsi\1_streaming/", name)) is None:
        return None
    # GDAL has not kept why
    said = _said(name)
    if said == "":
        # GDAL knows only a list of files, or that there was no answer
        _forget(name.encode())
        said = _said(name)
    if said == "" or said in _MISSING:
        return None
    if said in _FORBIDDEN:
        # stores also refuse missing files, if one may not list them: try a file that is there
        _forget(beside.encode())
        if _said(beside) is None:
            if beside not in _told:
                _told.add(beside)
                logger.warning(
                    "'%s' is treated as missing: the store refuses it (403), as a store does with "
                    "missing files if you may not list them. Other chunks of this array may be "
                    "affected, too",
                    name,
                )
            return None
    # otherwise GDAL would treat the file as missing from now on
    GDAL.VSICurlClearCache()
    return said or "it was refused at first"


def _said(name: str) -> str | None:
    """Return what GDAL says of a file that it cannot find; None where it can."""
    found = ctypes.create_string_buffer(1024)  # more than any system's struct stat
    GDAL.VSIErrorReset()
    if _stat(name.encode(), found, _EXISTS | _SET_ERROR) == 0:
        return None
    said = (_message() or b"").decode(errors="replace")
    return _TOLD.get(GDAL.VSIGetLastErrorNo(), said)


def _asked(store: str) -> str | None:
    said = _said(store)
    if said is None or not said.startswith(_NO_ANSWER):
        return None
    # otherwise GDAL would treat the file as missing from now on
    _forget(store.encode())
    return said
