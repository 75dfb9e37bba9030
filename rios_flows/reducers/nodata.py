"""Nodata: which pixels count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rios_flows.basics.types import BlockArray
from rios_flows.geometry.grid import ApplierBlockDefn

#: Value of a pixel: exact for integers.
Number = int | float

#: Types whose values may have more digits than a float; rasterio and GDAL's warper use floats for
#: nodata values.
WIDE = ("int64", "uint64")


def nodata_of(dtype: str | np.dtype[Any], nodata: Number | None) -> Number | None:
    """Return the nodata value in the type of the pixels; None if no pixel can have it."""
    if nodata is None:
        return None
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        with np.errstate(over="ignore"):
            # for complex pixels the nodata value is the real part
            value = float(kind.type(nodata).real)
        return value if math.isfinite(value) or not math.isfinite(nodata) else None
    limits = np.iinfo(kind)
    # NaN compares as False, so it never gets to int()
    if limits.min <= nodata <= limits.max and nodata == int(nodata):
        return int(nodata)
    return None


def as_pixel(nodata: Number | None, dtype: str | np.dtype[Any]) -> NDArray[Any] | None:
    """Return the result of :func:`nodata_of` as a 0-dimensional array of the pixels' type."""
    value = nodata_of(dtype, nodata)
    return None if value is None else np.array(value, dtype)


def can_hold(dtype: str | np.dtype[Any], nodata: Number) -> bool:
    """Return whether pixels of a type can have a nodata value."""
    return nodata_of(dtype, nodata) is not None


def needs_digits(dtype: str | np.dtype[Any], nodata: Number | None) -> bool:
    """Return whether neighbours of a nodata value are the same as a float."""
    return nodata is not None and abs(nodata) >= 2**53 and np.dtype(dtype).name in WIDE


def same_value(value: Number | None, other: Number | None) -> bool:
    """Return whether two nodata values are the same, or both NaN."""
    if value is None or other is None:
        return value is other
    return value == other or (math.isnan(value) and math.isnan(other))


def without_pixels(shape: tuple[int, ...], dtype: np.dtype[Any], nodata: Any) -> NDArray[Any]:
    """Return an array without a valid pixel: nodata, else NaN if the type has it, else 0."""
    if nodata is None:
        nodata = np.nan if dtype.kind == "f" else 0
    return np.full(shape, nodata, dtype)


def valid_values(pixels: NDArray[Any], nodata: Any) -> NDArray[Any]:
    """Return the pixels that are neither nodata nor NaN nor infinite, along one axis."""
    values = pixels.reshape(-1)
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return values if nodata is None else values[values != nodata]


def finite_values(pixels: NDArray[Any], nodata: Any) -> tuple[NDArray[Any], int]:
    """Return the finite pixels, and how many of the others are not nodata."""
    finite = np.isfinite(pixels)
    others = pixels[~finite]
    if nodata is not None:
        others = others[~(np.isnan(others) if np.isnan(nodata) else others == nodata)]
    return pixels[finite], others.size


def is_absent(pixels: NDArray[Any], nodata: Any) -> NDArray[np.bool_] | None:
    """Return which pixels are nodata or NaN; None if none is."""
    absent = np.isnan(pixels) if pixels.dtype.kind == "f" else None
    if nodata is not None:
        hit = pixels == nodata
        absent = hit if absent is None else absent | hit
    return absent if absent is not None and absent.any() else None


class NonfiniteCounter:
    """Counts NaN and infinite pixels that are not nodata, where nothing else is gathered."""

    def __init__(self, dtype: np.dtype[Any], nodata: Number | None) -> None:
        self.nonfinite = 0
        self._may_have = dtype.kind in "fc"
        self._nodata = nodata

    def add(self, block: ApplierBlockDefn, array: BlockArray) -> None:
        """Take in one block's pixels."""
        if self._may_have and not np.isfinite(array).all():
            self.nonfinite += finite_values(array, self._nodata)[1]

    def finish(self) -> int:
        """Return how many there are."""
        return self.nonfinite

    def close(self) -> None:
        """Nothing is held."""
