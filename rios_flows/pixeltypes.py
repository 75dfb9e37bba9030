"""Names of types of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

#: GDAL's names, by rasterio's.
GDAL_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "uint64": "UInt64",
    "int64": "Int64",
    "float32": "Float32",
    "float64": "Float64",
    "complex_int16": "CInt16",
    "complex64": "CFloat32",
    "complex128": "CFloat64",
}

#: GDAL's numbers of the types that are floats, and integers of more than a byte.
gdalFloatTypes = frozenset({6, 7})
gdalLargeIntTypes = frozenset({2, 3, 4, 5, 12, 13})

numpySignedIntTypes = (np.int8, np.int16, np.int32, np.int64)
numpyUnsignedIntTypes = (np.uint8, np.uint16, np.uint32, np.uint64)

#: Up to here a float64 has all whole numbers.
_WHOLE_IN_FLOATS = 2**53


def keeps_all(dtype: DTypeLike, other: DTypeLike) -> bool:
    """Tell whether each value of a type is one of another type, too."""
    return np.can_cast(dtype, other, "safe") and not _may_round(dtype, other)


def keeps_values(pixels: NDArray[Any], dtype: DTypeLike) -> bool:
    """Tell whether pixels keep their values in another type, by their own type or one by one."""
    if not np.can_cast(pixels.dtype, dtype, "safe"):
        return False
    if not _may_round(pixels.dtype, dtype):
        return True
    values = np.ma.compressed(pixels) if np.ma.isMA(pixels) else pixels
    return bool(np.all((values >= -_WHOLE_IN_FLOATS) & (values <= _WHOLE_IN_FLOATS)))


def _may_round(dtype: DTypeLike, other: DTypeLike) -> bool:
    """Numpy calls it safe to make floats of integers of 64 bits."""
    given = np.dtype(dtype)
    return given.kind in "iu" and given.itemsize == 8 and np.dtype(other).kind in "fc"
