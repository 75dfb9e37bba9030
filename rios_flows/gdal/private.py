"""rasterio's private parts: used nowhere else, so that a new rasterio breaks only this module."""

from __future__ import annotations

import ctypes
import threading
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


#: GDAL has one list of them for all threads.
_list_of_datasets = threading.Lock()


def handle_of(dataset: DatasetReader) -> int:
    """Return GDAL's handle of a dataset that rasterio has open."""
    known, number = ctypes.POINTER(ctypes.c_void_p)(), ctypes.c_int()
    with _list_of_datasets:
        GDAL.GDALGetOpenDatasets(ctypes.byref(known), ctypes.byref(number))
        handles = {known[place] for place in range(number.value)}
    # rasterio tells it to C only: of the words of the object, one is the handle of an open dataset
    size = type(dataset).__basicsize__ // ctypes.sizeof(ctypes.c_size_t)
    words = (ctypes.c_size_t * size).from_address(id(dataset))
    found = {word for word in words if word in handles}
    if len(found) != 1:
        raise OSError(f"GDAL's handle of '{dataset.name}' cannot be found; give its name")
    return found.pop()
