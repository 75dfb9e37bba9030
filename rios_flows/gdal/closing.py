"""Closing a file: GDAL writes much of it only then, and rasterio does not report failures."""

from __future__ import annotations

import ctypes
import logging
from typing import TYPE_CHECKING

import numpy as np
import rasterio.shutil
from rasterio.windows import Window

from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.private import GDAL, handle_of, read_pixels

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

logger = logging.getLogger(__name__)

_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int, ctypes.c_char_p)
_CE_FAILURE = 3

_flush = GDAL.GDALFlushCache
_flush.argtypes = [ctypes.c_void_p]

#: A warning of GDAL although something is lost: a side-car file that cannot be written.
_LOST = ("Unable to save auxiliary information",)

#: HFA warns of this while it writes a histogram of values above 2**31, which is right.
_HARMLESS = ("Too large for int:",)


def settle(dataset: DatasetWriter) -> None:
    """Write the beginning of a new file to disk, so that an error comes before any pixel."""
    # without the beginning of a GTiff, GDAL waits for ever for the threads that compress
    if dataset.mode == "w+":
        read_pixels(dataset, [1], Window(0, 0, 1, 1), np.empty((1, 1, 1), dataset.dtypes[0]))


def flush(dataset: DatasetWriter) -> None:
    """Have GDAL write what it holds of an open dataset; raise OSError if it cannot."""
    with failures_raised():
        _flush(handle_of(dataset))


def close_written(dataset: DatasetWriter) -> None:
    """Close a dataset; raise OSError if GDAL could not write all of it."""
    with failures_raised():
        dataset.close()


def copy_written(source: str, target: str, driver: str, **options: str) -> None:
    """Copy a closed file with a driver; raise OSError if GDAL could not write all of it."""
    with failures_raised():
        rasterio.shutil.copy(source, target, driver=driver, **options)


class failures_raised:  # noqa: N801
    """Raise failures that GDAL only logs; entered for each block of a table's column."""

    __slots__ = ("_failures", "_handler")

    def __enter__(self) -> None:
        failures = self._failures = list[str]()

        def hear(severity: int, number: int, message: bytes) -> None:
            text = message.decode(errors="replace")
            failed = severity >= _CE_FAILURE and not text.startswith(_HARMLESS)
            if failed or text.startswith(_LOST):
                failures.append(text)
            else:
                logger.debug("GDAL says: %s", text)

        # GDAL holds no reference to it
        self._handler = _HANDLER(hear)
        GDAL.CPLPushErrorHandler(self._handler)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        GDAL.CPLPopErrorHandler()
        if isinstance(error, SystemError):
            # rasterio's words if GDAL gave no reason
            self._failures.append("GDAL has failed, and not said why")
        if self._failures and (error is None or isinstance(error, SystemError)):
            # the first is the cause of the others
            raise OSError(with_hint(OSError(self._failures[0]))) from error
