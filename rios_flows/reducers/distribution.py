"""How often values occur, as counted exactly or as judged from a sample of the pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Counted:
    """Exact number of pixels of each integer.

    Attributes
    ----------
    first : int
        Value that ``counts[0]`` is about; the others follow one by one.
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
        """Smallest and largest value that occurs; None where there is no pixel."""
        present = self.counts != 0
        if not present.any():
            return None
        last = present.size - 1 - int(present[::-1].argmax())
        return self.first + int(present.argmax()), self.first + last

    def without(self, value: int | None) -> Counted:
        """Return the same with no pixel of ``value``."""
        if value is None or not 0 <= value - self.first < self.counts.size:
            return self
        counts = self.counts.copy()
        counts[value - self.first] = 0
        return Counted(self.first, counts)

    def trimmed(self) -> Counted:
        """Return the same without those values at both ends that do not occur."""
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
class Sampled:
    """A sample of the pixels, or all of them.

    Attributes
    ----------
    values : array
        The sample, in ascending order.
    total : int
        Number of pixels that it stands for.
    """

    values: NDArray[Any]
    total: int

    def below(self, edges: Sequence[int] | Sequence[float]) -> NDArray[np.int64]:
        """Return how many pixels are less than each edge, by the share of them in the sample."""
        if self.values.dtype.kind in "iu":
            places = self._integers_below([math.ceil(edge) for edge in edges])
        else:
            wide = self.values.astype(np.float64, copy=False)
            places = np.searchsorted(wide, np.asarray(edges, np.float64))
        size = self.values.size
        return (places * self.total + size // 2) // size

    def _integers_below(self, edges: Sequence[int]) -> NDArray[np.int64]:
        limits = np.iinfo(self.values.dtype)
        inside = [min(max(edge, limits.min), limits.max) for edge in edges]
        places = np.searchsorted(self.values, np.array(inside, self.values.dtype))
        return np.where([edge > limits.max for edge in edges], self.values.size, places)


Distribution = Counted | Sampled
