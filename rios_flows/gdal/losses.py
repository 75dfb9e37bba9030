"""Data that libtiff could not write without reporting it.

libtiff gathers 64 KiB of a file in memory. If it cannot write these before it writes elsewhere or
closes the file, it only prints a line, and GDAL does not notice.
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

#: Functions of libtiff whose failure means a failed write: moving to another place in a file
#: writes the gathered data first.
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
    """Register the callback with libtiff; return the objects that must stay alive."""
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
