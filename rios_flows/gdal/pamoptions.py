"""GDAL's options that keep it from side-car files, where tables are kept."""

from __future__ import annotations

import ctypes

from rios_flows.gdal.private import GDAL

_get = GDAL.CPLGetConfigOption
_get.argtypes, _get.restype = [ctypes.c_char_p, ctypes.c_char_p], ctypes.c_char_p

#: An option that ends all of them, and one that hides those that are there; and with what values.
_ENDING = {"GDAL_PAM_ENABLED": ("NO", "OFF", "FALSE", "0")}
_HIDING = {**_ENDING, "GDAL_DISABLE_READDIR_ON_OPEN": ("EMPTY_DIR",)}


def option_that_hides(*, existing: bool = True) -> str | None:
    """Return the option that hides side-car files in this thread, as NAME=VALUE; None without.

    With ``existing=False`` it keeps GDAL from making one, too.
    """
    for name, values in (_HIDING if existing else _ENDING).items():
        value = (_get(name.encode(), b"") or b"").decode(errors="replace")
        if value.upper() in values:
            return f"{name}={value}"
    return None
