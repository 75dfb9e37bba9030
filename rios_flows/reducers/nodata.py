"""Which pixels count."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Value of a pixel: exact for integers.
Number = int | float


def nodata_of(dtype: np.dtype[Any], nodata: Number | None) -> Number | None:
    """Return the nodata value as pixels of a type have it; None where no pixel can have it."""
    if nodata is None:
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return float(dtype.type(nodata))
    limits = np.iinfo(dtype)
    # NaN compares as False, and so never gets to int()
    if limits.min <= nodata <= limits.max and nodata == int(nodata):
        return int(nodata)
    return None


def without_pixels(shape: tuple[int, ...], dtype: np.dtype[Any], nodata: Any) -> NDArray[Any]:
    """Return an array with no valid pixel: nodata, else NaN where there is such a thing, else 0."""
    if nodata is None:
        nodata = np.nan if dtype.kind == "f" else 0
    return np.full(shape, nodata, dtype)


def valid_values(pixels: NDArray[Any], nodata: Any) -> NDArray[Any]:
    """Return the pixels that are neither nodata nor NaN nor infinite, along one axis."""
    values = pixels.reshape(-1)
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return values if nodata is None else values[values != nodata]


def is_absent(pixels: NDArray[Any], nodata: Any) -> NDArray[np.bool_] | None:
    """Return which pixels are nodata or NaN; None where none is.

    Parameters
    ----------
    pixels : array
        Pixels of any shape.
    nodata : number of their own type or None
        Value of pixels that do not count.
    """
    absent = np.isnan(pixels) if pixels.dtype.kind == "f" else None
    if nodata is not None:
        hit = pixels == nodata
        absent = hit if absent is None else absent | hit
    return absent if absent is not None and absent.any() else None
