"""Closing a file: GDAL writes much of it only then, and rasterio does not tell where that fails."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import rasterio._env

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

# GDAL's C interface, found through whichever library rasterio itself is linked with
_GDAL = ctypes.CDLL(rasterio._env.__file__)
_GDAL.CPLGetLastErrorMsg.restype = ctypes.c_char_p

_CE_FAILURE = 3


def close_written(dataset: DatasetWriter) -> None:
    """Close a dataset.

    Raises
    ------
    OSError
        If GDAL could not write all of it; the file is worth nothing then.
    """
    # GDAL keeps this state for each thread
    _GDAL.CPLErrorReset()
    dataset.close()
    if _GDAL.CPLGetLastErrorType() >= _CE_FAILURE:
        message = _GDAL.CPLGetLastErrorMsg().decode(errors="replace")
        raise OSError(f"{message}; is the disk full?")
