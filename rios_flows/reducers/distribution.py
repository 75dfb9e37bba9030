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

#: From so many pixels looked at on, they tell where in its bin the others lie.
FEW_LOOKED_AT = 4

#: Bins with a larger part of all pixels than one in so many are not taken to be spread evenly.
MOST_IN_ONE = 100

#: One pixel in so many may be doubtful.
MOST_DOUBTFUL = 2000


@dataclass(frozen=True, slots=True)
class Counted:
    """Exact number of pixels of each integer, from ``first`` on."""

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
    """All pixels, in ascending order."""

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
    """Exact number of pixels in each of many bins, ``2**exponent`` wide.

    ``low`` and ``high`` are the smallest and largest value of the pixels that were looked at in
    each bin; ``low`` is above ``high`` if none was.
    """

    exponent: int  # for integers 0 or more
    first: int  # counts[0] is for values from first * 2**exponent on
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

    def is_sure(self, edges: Sequence[int] | Sequence[float]) -> bool:
        """Tell whether hardly any pixel can be on the wrong side of an edge."""
        if self.low.dtype.kind in "iu" and not self.exponent:
            return True  # each has a bin of its own
        # a few values side by side, in a range that others widen, may share a bin unevenly
        doubtful = sum(self._doubtful(Fraction(edge)) for edge in edges)
        return doubtful * MOST_DOUBTFUL <= self.total

    def _below(self, edge: Fraction, running: NDArray[np.int64]) -> int:
        number = self._number(edge)
        if not 0 <= number < self.counts.size:
            return 0 if number < 0 else int(running[-1])
        first, last = self._spread(number)
        if first < last:
            share = min(max((edge - first) / (last - first), Fraction(0)), Fraction(1))
        else:
            # usually all have one value, so no edge divides them
            share = Fraction(edge > first)
        return int(running[number]) + round(share * int(self.counts[number]))

    def _doubtful(self, edge: Fraction) -> Fraction | int:
        number = self._number(edge)
        if not 0 <= number < self.counts.size or self.counts[number] < FEW_LOOKED_AT * LOOKED_AT:
            return 0
        first, last = self._spread(number)
        count = int(self.counts[number])
        if not first < edge < last:
            return 0
        if count * MOST_IN_ONE > self.total:
            return count
        return count * (1 - (last - first) / self._width)

    @property
    def _width(self) -> Fraction:
        return Fraction(2) ** self.exponent

    def _number(self, edge: Fraction) -> int:
        return math.floor(edge / self._width) - self.first

    def _spread(self, number: int) -> tuple[Fraction, Fraction]:
        """Return between which values the pixels of a bin are taken to be spread evenly."""
        start = (self.first + number) * self._width
        looked_at = int(self.counts[number]) // LOOKED_AT
        if looked_at and self.low[number] == self.high[number]:
            return (Fraction(self.low[number].item()),) * 2
        if looked_at < FEW_LOOKED_AT or self.low[number] > self.high[number]:
            return start, start + self._width
        low, high = Fraction(self.low[number].item()), Fraction(self.high[number].item())
        # whole numbers reach up to the next one; others may lie a little beyond those looked at
        high += self.low.dtype.kind in "iu"
        beyond = (high - low) / looked_at
        return max(start, low - beyond), min(start + self._width, high + beyond)


Distribution = Counted | Listed | Binned
