"""Sums for mean and standard deviation, the same whatever the order of the blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Sums are integers in units of ``2**-UNIT``, squares in ``2**(-2 * UNIT)``: finer than float64.
UNIT = 1152

#: Pixels worked on at once: small enough to stay in a core's own cache.
CHUNK = 32768

#: One of this many pixels is used for a first guess of the mean.
STRIDE = 16

#: Values beyond ``2**LARGE`` or below ``2**-LARGE`` are scaled before they are squared.
LARGE = 300


def exact(value: float, exponent: int = 0, unit: int = UNIT) -> int:
    """Return ``value * 2**exponent`` as an integer in units of ``2**-unit``."""
    numerator, denominator = value.as_integer_ratio()
    shift = unit + exponent - denominator.bit_length() + 1
    return numerator << shift if shift >= 0 else numerator >> -shift


def square_root(numerator: int, denominator: int) -> float:
    """Return the square root of a fraction of any size, accurate to about the last bit."""
    if numerator <= 0:
        return 0.0
    # 140 bits of the quotient give 70 of its root
    shift = 140 - numerator.bit_length() + denominator.bit_length()
    shift += shift % 2
    quotient = (numerator << shift if shift >= 0 else numerator >> -shift) // denominator
    return math.ldexp(math.isqrt(quotient), -(shift // 2))


@dataclass(slots=True)
class Moments:
    """Count, sum and sum of squares of pixels.

    The sums over one block are rounded as float64 is, but for the sum of integers; from there on
    everything is exact. So adding blocks in another order changes no bit.
    """

    count: int = 0
    total: int = 0  # in units of 2**-UNIT
    squares: int = 0  # in units of 2**(-2 * UNIT)

    def add(self, values: NDArray[Any], minimum: float, maximum: float) -> None:
        """Add finite pixels, one axis, at least one; the sum of integers is exact."""
        if minimum == maximum:
            self._combine(values.size, exact(minimum), 0, 0)
            return
        values, base, exponent = _tamed(values, minimum, maximum)
        guess = float(values[::STRIDE].mean(dtype=np.float64))
        sums = _deviations(values, guess)
        pivot, first = exact(guess, exponent), exact(sums[0], exponent)
        if values.dtype.kind in "iu":
            total = _exact_sum(values, values.size * pivot + first)
            first = total - values.size * pivot
        second = exact(sums[1], 2 * exponent, 2 * UNIT)
        self._combine(values.size, pivot + (base << UNIT), first, second)

    def _combine(self, count: int, pivot: int, first: int, second: int) -> None:
        """Add ``count`` pixels, given the sums of their deviations from ``pivot``."""
        self.count += count
        self.total += count * pivot + first
        self.squares += count * pivot * pivot + 2 * pivot * first + second

    def add_counted(self, first: int, counts: NDArray[np.int64]) -> None:
        """Add integers: how often each from ``first`` on occurs, at most 65,536."""
        offsets = np.arange(counts.size, dtype=np.int64)
        high, low = np.divmod(offsets * offsets, 1 << 16)
        # in two halves, since the sum of squares of a large image does not fit in int64
        second = (int(np.dot(high, counts)) << 16) + int(np.dot(low, counts))
        number, deviation = int(counts.sum()), int(np.dot(offsets, counts))
        self.count += number
        self.total += (number * first + deviation) << UNIT
        squares = number * first * first + 2 * first * deviation + second
        self.squares += squares << 2 * UNIT

    @property
    def mean(self) -> float:
        """Mean of the pixels."""
        return self.total / (self.count << UNIT)

    @property
    def stddev(self) -> float:
        """Standard deviation of the pixels as the whole population."""
        spread = self.count * self.squares - self.total * self.total
        return square_root(spread, self.count * self.count << 2 * UNIT)


def _tamed(values: NDArray[Any], minimum: float, maximum: float) -> tuple[NDArray[Any], int, int]:
    """Return values that float64 can square, an offset, and their binary exponent."""
    if values.dtype.kind in "iu":
        if values.dtype.itemsize < 8:
            return values, 0, 0
        offsets = values.view(np.uint64) - np.uint64(int(minimum) % (1 << 64))
        return offsets, int(minimum), 0
    magnitude = math.frexp(max(abs(minimum), abs(maximum)))[1]
    if abs(magnitude) <= LARGE:
        return values, 0, 0
    return np.ldexp(values.astype(np.float64), -magnitude), 0, magnitude


def _exact_sum(values: NDArray[Any], nearly: int) -> int:
    """Return the exact sum of integers, from an approximate one; in units of ``2**-UNIT``."""
    wrapped = int(values.sum(dtype=np.uint64 if values.dtype.kind == "u" else np.int64))
    # the sum is exact up to a multiple of 2**64, and the approximate one is closer than that
    nearly >>= UNIT
    half = 1 << 63
    return (nearly + (wrapped - nearly + half) % (2 * half) - half) << UNIT


def _deviations(values: NDArray[Any], pivot: float) -> tuple[float, float]:
    """Return the sums of the deviations from ``pivot`` and of their squares."""
    # little cancels: the squared distance from a mean of every 16th pixel to the mean of all is at
    # most 16 variances
    work = np.empty(min(values.size, CHUNK))
    first, second = [], []
    for start in range(0, values.size, CHUNK):
        part = values[start : start + CHUNK]
        deviation = work[: part.size]
        # in two steps, since numpy is slow to subtract and convert at once
        np.copyto(deviation, part)
        deviation -= pivot
        first.append(float(deviation.sum()))
        # summed by numpy and not by BLAS, whose result may depend on its threads
        np.multiply(deviation, deviation, out=deviation)
        second.append(float(deviation.sum()))
    return math.fsum(first), math.fsum(second)
