"""Counts of integers."""

from __future__ import annotations

import numpy as np
import pytest

from rios_flows.reducers.counting import COUNTED_RANGE, NarrowCounter, WideCounter
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


def test_narrow_merged() -> None:
    values = np.arange(200, dtype=np.uint8)
    one, two = NarrowCounter(values.dtype), NarrowCounter(values.dtype)
    one.add(values[:31])
    two.add(values[31:])
    one.merge(two)
    assert one.counted().range == (0, 199)
    assert one.counted().total == 200


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("place", ["low", "high"])
def test_wide_at_the_ends_of_the_type(dtype: str, place: str) -> None:
    limits = np.iinfo(dtype)
    first = limits.min if place == "low" else limits.max - 1000
    offsets = np.random.default_rng(6).integers(0, 1001, 5000)
    values = np.array([first + offset for offset in offsets.tolist()], dtype)
    counter = WideCounter()
    for block in np.array_split(values, 4):
        counter.add(block, block.min().item(), block.max().item())
    counted = counter.counted()
    assert counted is not None
    assert counted.range == (values.min(), values.max())
    known, numbers = np.unique(values, return_counts=True)
    places = [value - counted.first for value in known.tolist()]
    np.testing.assert_array_equal(counted.counts[places], numbers)
    assert counted.total == values.size


def test_wide_gives_up_where_values_are_far_apart() -> None:
    near, far = WideCounter(), WideCounter()
    values = np.array([10, 10 + COUNTED_RANGE - 1], np.int32)
    near.add(values, 10, 10 + COUNTED_RANGE - 1)
    assert near.counted() is not None
    far.add(values[:1] - 1, 9, 9)
    near.merge(far)
    assert near.counted() is None
    near.add(values, 10, 10 + COUNTED_RANGE - 1)
    assert near.counted() is None
    far.merge(near)
    assert far.counted() is None


def test_wide_merged() -> None:
    one, two, none = WideCounter(), WideCounter(), WideCounter()
    one.add(np.array([5, 6, 6]), 5, 6)
    two.add(np.array([1, 5]), 1, 5)
    one.merge(two)
    one.merge(none)
    none.merge(one)
    for counter in (one, none):
        counted = counter.counted()
        assert counted is not None
        assert counted.first == 1
        assert counted.counts.tolist() == [1, 0, 0, 0, 2, 2]
