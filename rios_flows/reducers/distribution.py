"""How often values occur: each value, all pixels, or many narrow bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: One of this many pixels is looked at, to find bins with a single value.
LOOKED_AT = 64


@dataclass(frozen=True, slots=True)
class Counted:
    """Exact number of pixels of each integer.

    Attributes
    ----------
    first : int
        The value of ``counts[0]``; the others follow one by one.
    counts : array of int64
        Number of pixels of each value.
    """

    first: int
    counts: NDArray[np.int64]

    @property
    def total(self) -> int:
        """Number of pixels."""
        return int(self.counts.sum())

    @property
    def range(self) -> tuple[int, int] | None:
        """Smallest and largest value that occurs; None without pixels."""
        present = self.counts != 0
        if not present.any():
            return None
        last = present.size - 1 - int(present[::-1].argmax())
        return self.first + int(present.argmax()), self.first + last

    def without(self, value: int | None) -> Counted:
        """Return the same without the pixels of ``value``."""
        if value is None or not 0 <= value - self.first < self.counts.size:
            return self
        counts = self.counts.copy()
        counts[value - self.first] = 0
        return Counted(self.first, counts)

    def trimmed(self) -> Counted:
        """Return the same without the values at both ends that do not occur."""
        found = self.range
        if found is None:
            return Counted(self.first, self.counts[:0])
        first, last = found
        return Counted(first, self.counts[first - self.first : last - self.first + 1])

    def below(self, edges: Sequence[int] | Sequence[float]) -> NDArray[np.int64]:
        """Return how many pixels are less than each edge."""
        running = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.counts)])
        size = self.counts.size
        return running[[min(max(math.ceil(edge) - self.first, 0), size) for edge in edges]]


@dataclass(frozen=True, slots=True)
class Listed:
    """All pixels.

    Attributes
    ----------
    values : array
        The pixels in ascending order.
    """

    values: NDArray[Any]

    @property
    def total(self) -> int:
        """Number of pixels."""
        return self.values.size

    def below(self, edges: Sequence[int] | Sequence[float]) -> NDArray[np.int64]:
        """Return how many pixels are less than each edge."""
        if self.values.dtype.kind in "iu":
            return self._integers_below([math.ceil(edge) for edge in edges])
        wide = self.values.astype(np.float64, copy=False)
        return np.searchsorted(wide, np.asarray(edges, np.float64))

    def _integers_below(self, edges: Sequence[int]) -> NDArray[np.int64]:
        limits = np.iinfo(self.values.dtype)
        inside = [min(max(edge, limits.min), limits.max) for edge in edges]
        places = np.searchsorted(self.values, np.array(inside, self.values.dtype))
        return np.where([edge > limits.max for edge in edges], self.values.size, places)


@dataclass(frozen=True, slots=True)
class Binned:
    """Exact number of pixels in each of many bins of equal width.

    Attributes
    ----------
    exponent : int
        Bins are ``2**exponent`` wide; for integers it is 0 or more.
    first : int
        ``counts[0]`` counts values from ``first * 2**exponent`` on.
    counts : array of int64
        Number of pixels in each bin.
    low, high : array
        Smallest and largest value of each bin, of the pixels that were looked at; ``low`` is
        above ``high`` if none was.
    """

    exponent: int
    first: int
    counts: NDArray[np.int64]
    low: NDArray[Any]
    high: NDArray[Any]

    @property
    def total(self) -> int:
        """Number of pixels."""
        return int(self.counts.sum())

    def below(self, edges: Sequence[int] | Sequence[float]) -> NDArray[np.int64]:
        """Return how many pixels are less than each edge; those of a bin are spread evenly."""
        running = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.counts)])
        return np.array([self._below(Fraction(edge), running) for edge in edges], np.int64)

    def _below(self, edge: Fraction, running: NDArray[np.int64]) -> int:
        width = Fraction(2) ** self.exponent
        number = math.floor(edge / width) - self.first
        if not 0 <= number < self.counts.size:
            return 0 if number < 0 else int(running[-1])
        share = edge / width - self.first - number
        if self.counts[number] >= LOOKED_AT and self.low[number] == self.high[number]:
            # usually all have one value, so no edge divides them
            share = Fraction(edge > self.low[number].item())
        return int(running[number]) + round(share * int(self.counts[number]))


Distribution = Counted | Listed | Binned
