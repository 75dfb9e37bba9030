"""Counts of narrow integers, value by value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rios_flows.reducers.distribution import Counted

#: Pixels worked on at once: small enough to stay in a core's own cache.
CHUNK = 1 << 15


class NarrowCounter:
    """Counts the pixels of an integer type of one or two bytes."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        # bytes are counted in pairs of neighbours, which halves the work
        self._table = np.zeros(1 << 16, np.int64)
        self._odd = np.zeros(1 << 8, np.int64)

    def add(self, values: NDArray[Any]) -> None:
        """Count pixels: one axis, contiguous."""
        if self.dtype.itemsize == 1:
            if values.size % 2:
                self._odd[int(values[-1]) & 255] += 1
            values = values[: values.size & ~1]
        _count(self._table, values.view(np.uint16))

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


def _count(table: NDArray[np.int64], values: NDArray[Any]) -> None:
    """Add 1 to ``table[value]`` for each value."""
    # add.at over places of the native index type is numpy's fastest loop for this, and it needs
    # no second table as bincount does
    work = np.empty(min(values.size, CHUNK), np.intp)
    for start in range(0, values.size, CHUNK):
        part = values[start : start + CHUNK]
        places = work[: part.size]
        np.copyto(places, part, casting="unsafe")
        np.add.at(table, places, 1)
