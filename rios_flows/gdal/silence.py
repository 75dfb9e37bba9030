"""Whether a store answers at all, asked once: GDAL asks four times to open one file."""

from __future__ import annotations

import ctypes

from rasterio.env import ensure_env_with_credentials

from rios_flows.gdal.archives import container_of
from rios_flows.gdal.private import GDAL, gdal_path

_EXISTS, _SET_ERROR = 1, 8

#: How GDAL begins what is no answer of a store: refused, too slow, unknown host.
_NO_ANSWER = "CURL error"

_stat = GDAL.VSIStatExL
_stat.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int]
_message = GDAL.VSIGetLastErrorMsg
_message.restype = ctypes.c_char_p
_forget = GDAL.VSICurlPartialClearCache
_forget.argtypes = [ctypes.c_char_p]


def why_silent(path: str) -> str | None:
    """Return why the store of a file does not answer; None where it does, or the file is local.

    What it answers GDAL keeps for opening the file.
    """
    if "://" not in path and "/vsi" not in path:
        return None
    try:
        name = gdal_path(path)
    except Exception:
        return None  # opening tells
    if "/vsi" not in name:
        return None
    store = container_of(name).encode()
    told: str | None = ensure_env_with_credentials(lambda _: _asked(store))(path)
    return told


def _asked(name: bytes) -> str | None:
    found = ctypes.create_string_buffer(1024)  # more than any system's struct stat
    GDAL.VSIErrorReset()
    if _stat(name, found, _EXISTS | _SET_ERROR) == 0:
        return None
    said = (_message() or b"").decode(errors="replace")
    if not said.startswith(_NO_ANSWER):
        return None
    # else it would be taken for missing from now on
    _forget(name)
    return said
