"""Bins, median and mode."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rios_flows.reducers.distribution import Counted, Listed
from rios_flows.reducers.histogram import Histogram, choose_bins, make_histogram

Array = NDArray[Any]


def counted(values: Array) -> Counted:
    first = int(values.min())
    return Counted(first, np.bincount(values.astype(np.int64) - first))


def made(values: Array, thematic: bool = False, listed: bool = False) -> Histogram:
    by_value = values.dtype.kind in "iu" and not listed
    spread = counted(values) if by_value else Listed(np.sort(values))
    low, high = values.min().item(), values.max().item()
    return make_histogram(spread, values.dtype, low, high, thematic)


@pytest.mark.parametrize(
    ("dtype", "low", "high", "thematic", "expected"),
    [
        ("uint8", 3, 9, False, (0, 9, 10, 1, True)),
        ("uint8", 0, 255, False, (0, 255, 256, 1, True)),
        ("int8", -5, -1, False, (-5, -1, 5, 1, True)),
        ("int16", 100, 355, False, (100, 355, 256, 1, True)),
        ("int16", 100, 356, False, (100, 356, 256, 1, False)),
        ("int16", 100, 612, False, (100, 612, 256, 2, False)),
        ("int16", 100, 612, True, (0, 612, 613, 1, True)),
        ("int32", -3, 4, True, (-3, 4, 8, 1, True)),
        ("uint32", 0, 4000000000, True, (0, 4000000000, 256, 15625000, False)),
        ("uint64", 0, 2**64 - 1, False, (0, 2**64 - 1, 256, 2.0**56, False)),
        ("int64", -(2**63), 2**63 - 1, False, (-(2**63), 2**63 - 1, 256, 2.0**56, False)),
        ("float32", 0.0, 1.0, False, (0.0, 1.0, 256, 1 / 256, False)),
        ("float32", 2.0, 2.0, False, (2.0, 2.5, 1, 0.5, False)),
        ("float64", 0.5, 7.2, True, (0, 8, 9, 1, True)),
        ("float64", -0.5, 7.2, True, (-1, 8, 10, 1, True)),
        ("float64", -1.5e308, 1.5e308, False, (-1.5e308, 1.5e308, 256, 3e306 / 2.56, False)),
    ],
)
def test_choice_of_bins(
    dtype: str, low: float, high: float, thematic: bool, expected: tuple[Any, ...]
) -> None:
    bins = choose_bins(np.dtype(dtype), low, high, thematic)
    assert (bins.minimum, bins.maximum, bins.number) == expected[:3]
    assert bins.step == pytest.approx(expected[3], rel=1e-15)
    assert bins.direct is expected[4]


def test_direct_counts_median_and_mode() -> None:
    values = np.array([-5, -5, -3, -2, -2, -2, -1], np.int16)
    histogram = made(values)
    assert histogram.counts.tolist() == [2, 0, 1, 3, 1]
    assert (histogram.median, histogram.mode) == (-2, -2)
    assert histogram.function == "direct"


def test_median_is_the_first_bin_that_reaches_half() -> None:
    assert made(np.array([1, 1, 2, 2], np.uint8)).median == 1
    assert made(np.array([1, 2, 2, 2], np.uint8)).median == 2
    assert made(np.array([7, 7, 3, 3], np.uint8)).mode == 3


@pytest.mark.parametrize("top", [256, 300, 1000, 4097, 65535])
def test_linear_bins_of_integers(top: int) -> None:
    values = np.random.default_rng(8).integers(0, top + 1, 5000)
    values[:2] = 0, top
    values = (values - 30000).astype(np.int32)
    histogram = made(values)
    step = top / 256
    each = np.bincount(values + 30000, minlength=top + 1)
    edges = [int(number * step) for number in range(256)] + [top + 1]
    expected = [each[a:b].sum() for a, b in pairwise(edges)]
    assert histogram.counts.tolist() == expected
    half = int(np.argmax(np.cumsum(expected) >= values.size / 2))
    assert histogram.median == round(half * step - 30000)
    assert histogram.mode == round(int(np.argmax(expected)) * step - 30000)
    assert histogram.function == "linear"
    np.testing.assert_array_equal(made(values, listed=True).counts, histogram.counts)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_linear_bins_of_floats_are_those_of_numpy(dtype: str) -> None:
    values = np.random.default_rng(9).normal(-3, 2, 10_000).astype(dtype)
    histogram = made(values)
    low, high = values.min().item(), values.max().item()
    expected, edges = np.histogram(values.astype(np.float64), 256, (low, high))
    np.testing.assert_array_equal(histogram.counts, expected)
    half = int(np.argmax(np.cumsum(expected) >= values.size / 2))
    assert histogram.median == pytest.approx(edges[half])
    assert histogram.mode == pytest.approx(edges[np.argmax(expected)])


def test_classes_in_floats_are_rounded() -> None:
    histogram = made(np.array([0.5, 1.4, 1.5, 2.6, 3.0]), thematic=True)
    assert histogram.counts.tolist() == [0, 2, 1, 2]
    assert (histogram.median, histogram.mode) == (2, 1)


def test_values_at_the_ends_of_64_bits() -> None:
    values = np.array([0, 1, 2**64 - 1], np.uint64)
    histogram = made(values, listed=True)
    assert histogram.counts[[0, -1]].tolist() == [2, 1]
    assert histogram.counts.sum() == 3


def test_counted_without_a_value() -> None:
    spread = Counted(-2, np.array([5, 1, 0, 4]))
    assert spread.range == (-2, 1)
    assert spread.without(-2).range == (-1, 1)
    assert spread.without(7) is spread
    assert Counted(0, np.zeros(3, np.int64)).range is None
    assert spread.below([-2, -1, 0.5, 99]).tolist() == [0, 5, 6, 10]
