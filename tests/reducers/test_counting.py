"""Counts of narrow integers."""

from __future__ import annotations

import numpy as np
import pytest

from rios_flows.reducers.counting import NarrowCounter
from rios_flows.reducers.distribution import Counted


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
@pytest.mark.parametrize("size", [1, 2, 4097, 100_000])
def test_narrow(dtype: str, size: int) -> None:
    limits = np.iinfo(dtype)
    values = np.random.default_rng(5).integers(limits.min, limits.max + 1, size).astype(dtype)
    values[0] = limits.min
    counter = NarrowCounter(np.dtype(dtype))
    for block in np.array_split(values, 3):
        counter.add(block)
    counted = counter.counted()
    assert counted.first == limits.min
    expected = np.bincount(values.astype(int) - limits.min, minlength=limits.max - limits.min + 1)
    np.testing.assert_array_equal(counted.counts, expected)


@pytest.mark.parametrize(
    ("counts", "nodata", "first", "kept"),
    [
        ([0, 0, 4, 0, 2, 0], None, -8, [4, 0, 2]),
        ([0, 0, 4, 0, 2, 0], -8, -6, [2]),
        ([1], None, -10, [1]),
        ([0, 3, 0], -9, -9, []),
        ([], None, -10, []),
    ],
)
def test_trimmed(counts: list[int], nodata: int | None, first: int, kept: list[int]) -> None:
    counted = Counted(-10, np.array(counts, np.int64)).trimmed().without(nodata).trimmed()
    assert (counted.first, counted.counts.tolist()) == (first, kept)
    assert counted.range == ((first, first + len(kept) - 1) if kept else None)
