"""Exact sums."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rios_flows.reducers.moments import Moments, square_root

Array = NDArray[Any]


def of(*blocks: Array) -> Moments:
    moments = Moments()
    for block in blocks:
        moments.add(block, block.min().item(), block.max().item())
    return moments


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint32", "int64", "uint64"])
def test_as_numpy(dtype: str) -> None:
    values = np.random.default_rng(1).integers(0, 1 << 20, 100_000).astype(dtype)
    moments = of(*np.array_split(values, 7))
    assert moments.count == values.size
    assert moments.mean == pytest.approx(values.mean(dtype=np.float64), rel=1e-14)
    assert moments.stddev == pytest.approx(values.std(dtype=np.float64), rel=1e-13)


def test_a_large_mean_leaves_the_deviation_alone() -> None:
    values = 1e9 + np.random.default_rng(2).standard_normal(1 << 14)
    moments = of(*np.array_split(values, 5))
    exact = Fraction(0)
    mean = sum(map(Fraction, values.tolist()), exact) / values.size
    squares = sum(((Fraction(value) - mean) ** 2 for value in values.tolist()), exact)
    assert moments.mean == float(mean)
    assert moments.stddev == pytest.approx(math.sqrt(squares / values.size), rel=1e-14)


def test_one_far_value_among_many() -> None:
    values = np.full(1 << 18, 1e9)
    values[::2] += 1
    values[7] = 0
    moments = of(values)
    assert moments.mean == pytest.approx(values.mean(), rel=1e-15)
    assert moments.stddev == pytest.approx(values.std(), rel=1e-12)


@pytest.mark.parametrize("number", [0.1, -3, (1 << 63) - 1, 1e308, 5e-324])
def test_a_constant_has_no_deviation(number: float) -> None:
    values = np.full(1000, number)
    moments = of(values, values[:13])
    assert moments.mean == values[0]
    assert moments.stddev == 0


def test_whole_range_of_64_bits() -> None:
    values = np.array([-(1 << 63), (1 << 63) - 1, 0, 5], np.int64)
    moments = of(values)
    assert moments.mean == 1.0
    expected = math.sqrt(sum((value - 1) ** 2 for value in values.tolist()) / 4)
    assert moments.stddev == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("scale", [1e300, 1e-300, 1e-310])
def test_squares_neither_overflow_nor_vanish(scale: float) -> None:
    values = np.random.default_rng(3).random(1000)
    moments = of(values * scale)
    assert moments.mean == pytest.approx(values.mean() * scale, rel=1e-12)
    assert moments.stddev == pytest.approx(values.std() * scale, rel=1e-12)


def test_counted() -> None:
    counts = np.zeros(65536, np.int64)
    # the sum of squares of as many pixels as this does not fit into 64 bits
    counts[[0, 1, 65535]] = 3, 1 << 40, 1 << 41
    moments = Moments()
    moments.add_counted(-32768, counts)
    number = 3 + 3 * (1 << 40)
    total = 3 * -32768 + (1 << 40) * -32767 + (1 << 41) * 32767
    mean = Fraction(total, number)
    squares = Fraction(3 * 32768**2 + (1 << 40) * 32767**2 + (1 << 41) * 32767**2, number)
    assert moments.count == number
    assert moments.mean == float(mean)
    assert moments.stddev == pytest.approx(math.sqrt(squares - mean**2), rel=1e-15)


def test_in_any_order() -> None:
    blocks = np.array_split(np.random.default_rng(4).standard_normal(50_000) * 1e5 + 3, 20)
    assert of(*blocks) == of(*blocks[13:], *blocks[12::-1])


@pytest.mark.parametrize(("numerator", "denominator"), [(2, 1), (1, 3), (7 << 2000, 1), (1, 1)])
def test_square_root(numerator: int, denominator: int) -> None:
    shift = max(numerator.bit_length() - 1000, 0) & ~1
    expected = math.ldexp(math.sqrt(Fraction(numerator >> shift, denominator)), shift // 2)
    assert square_root(numerator, denominator) == pytest.approx(expected, rel=1e-15)


def test_square_root_of_a_tiny_fraction() -> None:
    assert square_root(9, 1 << 2000) == 3 * 2.0**-1000
    assert square_root(-1, 5) == 0
