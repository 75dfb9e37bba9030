"""What libtiff could not write, and told nobody of.

It gathers 64 KiB of a file in memory. Where these do not get into the file before it writes
somewhere else, or closes it, it only prints a line, and GDAL hears nothing.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from typing import Any

from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.private import GDAL

logger = logging.getLogger(__name__)

_HANDLER = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p
)

#: Parts of libtiff that failed, where it is the writing itself: what the system keeps back of a
#: file is written when it goes to another place in it.
_WRITING = (b"_tiffWriteProc", b"_tiffSeekProc")


class _Losses(threading.local):
    number = 0


_losses = _Losses()


def losses() -> int:
    """Return how often that has happened in this thread."""
    return _losses.number


def check_losses(before: int) -> None:
    """Raise OSError if it has happened since :func:`losses` returned a number."""
    if losses() > before:
        raise OSError(with_hint(OSError("Write error: a part of the file is missing")))


def _listen() -> Any:
    """Have libtiff call; return what must not be let go of."""
    try:
        set_handler = GDAL.TIFFSetErrorHandlerExt
    except AttributeError:
        logger.debug("this GDAL has a libtiff of its own, which cannot be listened to")
        return None

    def hear(file: Any, module: bytes | None, text: Any, values: Any) -> None:
        if module in _WRITING:
            _losses.number += 1
        if earlier:
            _HANDLER(earlier)(file, module, text, values)

    set_handler.restype, set_handler.argtypes = ctypes.c_void_p, [_HANDLER]
    handler = _HANDLER(hear)
    earlier: int | None = None
    earlier = set_handler(handler)
    return handler


_HEARING = _listen()
