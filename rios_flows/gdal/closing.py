"""Closing a file: GDAL writes much of it only then, and rasterio does not report failures."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import rasterio.shutil
from rasterio.windows import Window

from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.private import GDAL, read_pixels

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

logger = logging.getLogger(__name__)

_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int, ctypes.c_char_p)
_CE_FAILURE = 3

#: A warning of GDAL although something is lost: a side-car file that cannot be written.
_LOST = ("Unable to save auxiliary information",)

#: HFA warns of this while it writes a histogram of values above 2**31, which is right.
_HARMLESS = ("Too large for int:",)


def settle(dataset: DatasetWriter) -> None:
    """Write the beginning of a new file to disk, so that an error comes before any pixel."""
    # without the beginning of a GTiff, GDAL waits for ever for the threads that compress
    if dataset.mode == "w+":
        read_pixels(dataset, [1], Window(0, 0, 1, 1), np.empty((1, 1, 1), dataset.dtypes[0]))


def close_written(dataset: DatasetWriter) -> None:
    """Close a dataset; raise OSError if GDAL could not write all of it."""
    with failures_raised():
        dataset.close()


def copy_written(source: str, target: str, driver: str, **options: str) -> None:
    """Copy a closed file with a driver; raise OSError if GDAL could not write all of it."""
    with failures_raised():
        rasterio.shutil.copy(source, target, driver=driver, **options)


@contextmanager
def failures_raised() -> Iterator[None]:
    """Raise failures that GDAL only logs."""
    failures: list[str] = []

    def hear(severity: int, number: int, message: bytes) -> None:
        text = message.decode(errors="replace")
        failed = severity >= _CE_FAILURE and not text.startswith(_HARMLESS)
        if failed or text.startswith(_LOST):
            failures.append(text)
        else:
            logger.debug("GDAL says: %s", text)

    # kept in a variable: GDAL holds no reference to it
    handler = _HANDLER(hear)
    GDAL.CPLPushErrorHandler(handler)
    try:
        yield
    except SystemError as error:
        # rasterio's words if GDAL gave no reason
        failures.append("GDAL has failed, and not said why")
        raise OSError(with_hint(OSError(failures[0]))) from error
    finally:
        GDAL.CPLPopErrorHandler()
    if failures:
        # the first is the cause of the others
        raise OSError(with_hint(OSError(failures[0])))
