"""Counts of values in bins far narrower than a histogram's, while blocks pass in any order."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rios_flows.reducers.distribution import LOOKED_AT, Binned, Distribution, Listed
from rios_flows.reducers.nodata import Number

#: Most fine bins of a band. Floats have at least half as many, so each of the 256 bins of a
#: histogram is made of 256 or more of them.
FINE_BINS = 1 << 17

#: Most pixels of a band that are kept as they are.
KEPT = 1 << 19

#: Pixels worked on at once: small enough to stay in a core's own cache.
CHUNK = 1 << 14

#: Exponent of a power of two that each type of pixels has.
PLAIN_EXPONENT = 100

#: Power of two by which numbers of bins can be multiplied in 64 bits.
LARGE_SHIFT = 40


class _Scale(NamedTuple):
    """Fine bins ``2**exponent`` wide, and the number of the first; bin 0 begins at 0."""

    exponent: int
    first: int
    size: int


class FineBins:
    """Counts the pixels of a band of wide integers or floats, in whatever order they come.

    Few pixels are kept as they are. More are counted in bins whose width is a power of two, and
    which begin at multiples of it; where a wider range makes these too many, two become one.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.total = 0
        self._whole = dtype.kind in "iu"
        self._range: tuple[Number, Number] | None = None
        self._kept: list[NDArray[Any]] | None = []
        self._scale: _Scale | None = None
        self._nothing = _beyond(dtype)
        self._table = _Table.of(0, self._nothing)

    def add(self, values: NDArray[Any], minimum: Number, maximum: Number) -> None:
        """Count finite pixels, one axis, at least one; they may change after this."""
        self.total += values.size
        self._widen(minimum, maximum)
        if self._kept is None:
            self._count(values)
        else:
            self._kept.append(values.copy())
            if self.total > KEPT:
                self._stop_keeping()

    def distribution(self) -> Distribution:
        """Return how often values occur; there is at least one pixel."""
        if self._kept is not None:
            return Listed(np.sort(np.concatenate(self._kept)))
        self._fit()
        assert self._scale is not None
        return Binned(self._scale.exponent, self._scale.first, *self._table)

    def _widen(self, minimum: Number, maximum: Number) -> None:
        if self._range is not None:
            minimum, maximum = min(minimum, self._range[0]), max(maximum, self._range[1])
        self._range = minimum, maximum

    def _stop_keeping(self) -> None:
        kept, self._kept = self._kept, None
        for values in kept or ():
            self._count(values)

    def _fit(self) -> None:
        """Make bins for all values of the range."""
        assert self._range is not None
        wanted = _scale_of(*self._range, self._whole)
        known, table = self._scale, self._table
        if wanted != known:
            self._scale, self._table = wanted, _Table.of(wanted.size, self._nothing)
            if known is not None:
                self._take(known, table)

    def _take(self, scale: _Scale, table: _Table) -> None:
        """Add bins that are no wider."""
        assert self._scale is not None
        exponent, first, _ = self._scale
        shift = exponent - scale.exponent
        present = np.flatnonzero(table.counts)
        # much narrower ones need Python's integers
        numbers = present.astype(object) if shift > LARGE_SHIFT else present
        places = (numbers - ((first << shift) - scale.first)) // (1 << shift)
        self._table.add(
            places.astype(np.intp), table.counts[present], table.low[present], table.high[present]
        )

    def _count(self, values: NDArray[Any]) -> None:
        self._fit()
        assert self._scale is not None
        place, table = _whole_places if self._whole else _places, self._table
        work = np.empty(min(values.size, CHUNK), np.intp)
        for start in range(0, values.size, CHUNK):
            part = values[start : start + CHUNK]
            places = work[: part.size]
            place(part, self._scale, places)
            np.add.at(table.counts, places, 1)
        few = values[::LOOKED_AT]
        places = np.empty(few.size, np.intp)
        place(few, self._scale, places)
        table.reach(places, few, few)


class _Table(NamedTuple):
    """Number of pixels in each fine bin, and the range of some of their values."""

    counts: NDArray[np.int64]
    low: NDArray[Any]
    high: NDArray[Any]

    @classmethod
    def of(cls, size: int, nothing: tuple[Any, Any]) -> Self:
        low, high = (np.full(size, value) for value in nothing)
        return cls(np.zeros(size, np.int64), low, high)

    def add(
        self,
        places: NDArray[np.intp],
        counts: NDArray[np.int64],
        low: NDArray[Any],
        high: NDArray[Any],
    ) -> None:
        np.add.at(self.counts, places, counts)
        self.reach(places, low, high)

    def reach(self, places: NDArray[np.intp], low: NDArray[Any], high: NDArray[Any]) -> None:
        np.minimum.at(self.low, places, low)
        np.maximum.at(self.high, places, high)


def _beyond(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return an upper and a lower limit of all values of a type."""
    if dtype.kind == "f":
        return dtype.type(np.inf), dtype.type(-np.inf)
    limits = np.iinfo(dtype)
    return dtype.type(limits.max), dtype.type(limits.min)


def _scale_of(minimum: Number, maximum: Number, whole: bool) -> _Scale:
    """Return the narrowest bins with which at most ``FINE_BINS`` cover a range of values."""
    if whole:
        exponent = max(0, (int(maximum) - int(minimum)).bit_length() - FINE_BINS.bit_length())
    else:
        # the range itself may be too large for a float
        half = _magnitude(maximum / 2 - minimum / 2)
        largest = _magnitude(max(abs(minimum), abs(maximum)))
        # the number of a bin must fit in 62 bits
        exponent = max(half + 1 - FINE_BINS.bit_length(), largest - 61)
    while True:
        first, last = _number(minimum, exponent), _number(maximum, exponent)
        if last - first < FINE_BINS:
            return _Scale(exponent, first, last - first + 1)
        exponent += 1


def _magnitude(value: float) -> int:
    """Return the exponent of a power of two above a number; the smallest one for 0."""
    return math.frexp(value)[1] if value else -1073


def _number(value: Number, exponent: int) -> int:
    """Return the number of the bin for a value."""
    if isinstance(value, int):
        return value >> exponent
    # as a fraction: a tiny value would become 0
    numerator, denominator = value.as_integer_ratio()
    if exponent >= 0:
        return numerator // (denominator << exponent)
    return (numerator << -exponent) // denominator


def _whole_places(values: NDArray[Any], scale: _Scale, out: NDArray[np.intp]) -> None:
    """Find the bins of integers, counted from the first."""
    numbers = values >> values.dtype.type(scale.exponent)
    numbers -= values.dtype.type(scale.first)
    np.copyto(out, numbers, casting="unsafe")


def _places(values: NDArray[Any], scale: _Scale, out: NDArray[np.intp]) -> None:
    """Find the bins of floats, counted from the first."""
    exponent = scale.exponent
    if abs(exponent) <= PLAIN_EXPONENT:
        # exact, since it only changes the exponents of values
        numbers = values * values.dtype.type(2.0**-exponent)
    else:
        numbers = np.ldexp(values.astype(np.float64), -exponent)
    np.floor(numbers, out=numbers)
    if exponent > 0 and scale.first < 0:
        # values so near to 0 that they have become 0
        numbers[(values < 0) & (numbers == 0)] = -1
    np.copyto(out, numbers, casting="unsafe")
    out -= scale.first
