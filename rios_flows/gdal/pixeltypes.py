"""Names of pixel types, and which values each can hold."""

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


def keeps_all(dtype: DTypeLike, other: DTypeLike) -> bool:
    """Return whether another type can hold each value of a type."""
    given = np.dtype(dtype)
    # numpy calls it safe to make floats of them
    rounded = given.kind in "iu" and given.itemsize == 8 and np.dtype(other).kind in "fc"
    return np.can_cast(dtype, other, "safe") and not rounded


def keeps_values(pixels: NDArray[Any], dtype: DTypeLike) -> bool:
    """Return whether pixels keep their values in another type, by their type or one by one."""
    if keeps_all(pixels.dtype, dtype):
        return True
    values, other = np.ma.compressed(pixels) if np.ma.isMA(pixels) else pixels, np.dtype(dtype)
    if values.dtype.kind == "c" and other.kind != "c":
        return False
    if other.kind in "iu":
        return _are_whole(values, np.iinfo(other))
    if values.dtype.kind in "iu":
        return _fit_mantissa(values, np.finfo(other))
    with np.errstate(over="ignore"):
        return np.array_equal(values, values.astype(other), equal_nan=True)


def _fit_mantissa(values: NDArray[Any], limits: np.finfo[Any]) -> bool:
    """Return whether floats have a number equal to each of these integers."""
    # the largest negative number stays itself, and is then read as the positive one
    sizes = values if values.dtype.kind == "u" else np.abs(values.astype(np.int64))
    sizes = sizes.astype(np.uint64)
    last_digit = np.maximum(sizes & (~sizes + np.uint64(1)), 1)
    largest = min(int(limits.max), 2**64 - 1)
    return bool(np.all((sizes <= largest) & (sizes // last_digit < 2 ** (limits.nmant + 1))))


def _are_whole(values: NDArray[Any], limits: np.iinfo[Any]) -> bool:
    """Return whether values are integers within limits."""
    if values.dtype.kind in "iu":
        return not values.size or (
            int(values.min()) >= limits.min and int(values.max()) <= limits.max
        )
    # float16 cannot hold the limits of wider types
    values = values.astype(np.result_type(values, np.float64))
    # compare below limits.max + 1: as a float limits.max may become the next number
    inside = (values >= limits.min) & (values < float(limits.max + 1))
    return bool(np.all(inside & (values == np.trunc(values))))
