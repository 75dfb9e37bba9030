"""Counts of integer pixels, value by value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rios_flows.reducers.distribution import Counted

#: Widest range of values that is counted one by one.
COUNTED_RANGE = 1 << 16

#: Pixels worked on at once: small enough to stay in a core's own cache.
CHUNK = 1 << 15


class NarrowCounter:
    """Counts the pixels of an integer type of one or two bytes.

    Parameters
    ----------
    dtype : numpy dtype
        The type.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        # bytes are counted as pairs of neighbours, which halves the work
        self._table = np.zeros(1 << 16, np.int64)
        self._odd = np.zeros(1 << 8, np.int64)

    def add(self, values: NDArray[Any]) -> None:
        """Count pixels: one axis, contiguous."""
        if self.dtype.itemsize == 1:
            if values.size % 2:
                self._odd[int(values[-1]) & 255] += 1
            values = values[: values.size & ~1]
        _count(self._table, values.view(np.uint16))

    def merge(self, other: NarrowCounter) -> None:
        """Add what another one has counted; see ``RasterStatistics.merge``."""
        self._table += other._table
        self._odd += other._odd

    def counted(self) -> Counted:
        """Return how often each value of the type occurs."""
        counts = self._table
        if self.dtype.itemsize == 1:
            pairs = counts.reshape(256, 256)
            counts = pairs.sum(axis=0) + pairs.sum(axis=1) + self._odd
        if self.dtype.kind == "u":
            return Counted(0, counts.copy())
        half = counts.size // 2
        return Counted(-half, np.roll(counts, half))


class WideCounter:
    """Counts the pixels of a wider integer type, as long as they lie close together."""

    def __init__(self) -> None:
        self._first = 0
        self._counts: NDArray[np.int64] | None = np.zeros(0, np.int64)

    def add(self, values: NDArray[Any], minimum: int, maximum: int) -> None:
        """Count pixels: one axis, none outside the two values."""
        counts = self._room_for(minimum, maximum)
        if counts is not None:
            _count(counts, values, values.dtype.type(self._first))

    def merge(self, other: WideCounter) -> None:
        """Add what another one has counted; see ``RasterStatistics.merge``."""
        added = other._counts
        if added is None:
            self._counts = None
        elif added.size:
            counts = self._room_for(other._first, other._first + added.size - 1)
            if counts is not None:
                start = other._first - self._first
                counts[start : start + added.size] += added

    def counted(self) -> Counted | None:
        """Return how often each value occurs; None where they are too far apart."""
        return None if self._counts is None else Counted(self._first, self._counts.copy())

    def _room_for(self, minimum: int, maximum: int) -> NDArray[np.int64] | None:
        """Widen the table to these values; give it up where it gets too large."""
        counts = self._counts
        if counts is None:
            return None
        if counts.size:
            minimum = min(minimum, self._first)
            maximum = max(maximum, self._first + counts.size - 1)
        size = maximum - minimum + 1
        if size > COUNTED_RANGE:
            self._counts = None
        elif size > counts.size:
            self._counts = np.zeros(size, np.int64)
            start = self._first - minimum if counts.size else 0
            self._counts[start : start + counts.size] = counts
            self._first = minimum
        return self._counts


def _count(
    table: NDArray[np.int64], values: NDArray[Any], first: np.integer[Any] | None = None
) -> None:
    """Add 1 to ``table[value - first]`` for each value."""
    # add.at over places of the native index type is numpy's fastest loop for this, and it needs
    # no second table as bincount does
    work = np.empty(min(values.size, CHUNK), np.intp)
    for start in range(0, values.size, CHUNK):
        part = values[start : start + CHUNK]
        places = work[: part.size]
        np.copyto(places, part if first is None else part - first, casting="unsafe")
        np.add.at(table, places, 1)
