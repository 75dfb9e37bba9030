"""rasterio's private parts: used nowhere else, so that a new rasterio breaks only this module."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING

import rasterio._env
from rasterio._err import (
    CPLE_BaseError,
    CPLE_FileIOError,
    CPLE_NotSupportedError,
    CPLE_OpenFailedError,
)
from rasterio._path import _parse_path, _vsi_path
from rasterio.errors import RasterioError

if TYPE_CHECKING:
    from rasterio.io import DatasetReader
    from rasterio.windows import Window

    from rios_flows.basics.types import BlockArray

#: GDAL's C interface, through whichever library rasterio itself is linked with.
GDAL = ctypes.CDLL(rasterio._env.__file__)

#: GDAL's error if rasterio has none of its own...
GdalError = CPLE_BaseError

#: ...that a driver cannot do something...
GdalNotSupportedError = CPLE_NotSupportedError

#: ...and that a file could not be written.
GDAL_SYSTEM_ERRORS = (CPLE_FileIOError, CPLE_OpenFailedError)

#: All errors that reading or writing a file may raise.
IO_ERRORS = (RasterioError, GdalError, OSError)


def gdal_path(path: str) -> str:
    """Return GDAL's own name for a path or URL as rasterio takes it."""
    return str(_vsi_path(_parse_path(path)))


def read_pixels(
    dataset: DatasetReader, bands: Sequence[int], window: Window, out: BlockArray
) -> None:
    """Read a window inside a file, whatever the bands' types; a smaller array is a sample."""
    # `read` ends in this call. Before, it looks at each band's masks, nodata and type, which takes
    # longer than reading a small window.
    dataset._read(bands, out, window, out.dtype)
