"""Which pixels keep their values in another type."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rios_flows.gdal.pixeltypes import keeps_all, keeps_values

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
REALS = (*INTEGERS, "float16", "float32", "float64")

#: Whole numbers around the bounds of all types, and some that are none.
EDGES = [
    sign * 2**power + more
    for power in (0, 7, 8, 11, 15, 16, 24, 31, 32, 53, 63, 64)
    for sign in (1, -1)
    for more in (-1, 0, 1)
]
FLOATS = [*map(float, EDGES), 0.5, 0.1, -0.0, 1e-300, 1e300, 65504.0, math.inf, -math.inf, math.nan]


def has(dtype: str, value: int | float) -> bool:
    """Tell whether a type has a value, by whole and rational numbers only."""
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        whole = math.isfinite(value) and value == math.floor(value)
        return whole and limits.min <= int(value) <= limits.max
    if not math.isfinite(value):
        return True
    number, info = Fraction(value), np.finfo(dtype)
    if abs(number) > Fraction(float(info.max)):
        return False
    if number == 0:
        return True
    # how many binary digits it has, and how far the last one is below one
    last = Fraction(float(info.smallest_subnormal))
    lowest = max(abs(number) / 2 ** (info.nmant + 1), last / 2)
    step = last
    while step <= lowest:
        step *= 2
    return number % step == 0


def values_of(dtype: str) -> st.SearchStrategy[Any]:
    if dtype in INTEGERS:
        limits = np.iinfo(dtype)
        whole = [edge for edge in EDGES if limits.min <= edge <= limits.max]
        return st.sampled_from(whole) | st.integers(int(limits.min), int(limits.max))
    width: Any = {"float16": 16, "float32": 32, "float64": 64}[dtype]
    with np.errstate(over="ignore"):
        edges = [float(np.dtype(dtype).type(edge)) for edge in FLOATS]
    return st.sampled_from(edges) | st.floats(width=width)


@given(st.data(), st.sampled_from(REALS), st.sampled_from(REALS))
def test_pixels_keep_their_values_where_the_other_type_has_each(
    data: st.DataObject, dtype: str, other: str
) -> None:
    values = data.draw(st.lists(values_of(dtype), max_size=4))
    pixels = np.array(values, dtype)
    wanted = all(has(other, value) for value in pixels.tolist())
    assert keeps_values(pixels, other) == wanted
    if keeps_all(dtype, other):
        assert wanted


@pytest.mark.parametrize(
    ("dtype", "other", "kept"),
    [
        ("uint8", "float32", True),
        ("int32", "float64", True),
        ("int64", "float64", False),
        ("uint64", "complex128", False),
        ("float32", "float64", True),
        ("float64", "float32", False),
        ("int8", "uint8", False),
    ],
)
def test_types_that_have_all_values_of_another(dtype: str, other: str, kept: bool) -> None:
    assert keeps_all(dtype, other) == kept


def test_complex_and_masked_pixels() -> None:
    assert keeps_values(np.array([1 + 2j, np.nan], "complex128"), "complex64")
    assert not keeps_values(np.array([0.1 + 0j], "complex128"), "complex64")
    assert not keeps_values(np.array([1 + 0j]), "float64")
    assert keeps_values(np.array([2**24, -5], "int64"), "complex64")
    assert keeps_values(np.ma.masked_equal([1, 300], 300), "uint8")
    assert not keeps_values(np.ma.masked_equal([1, 300], 1), "uint8")
    assert keeps_values(np.ma.masked_less(np.full((2, 2), 0.5), 1), "uint8")


@pytest.mark.parametrize(
    ("value", "dtype", "other", "kept"),
    [
        (2050, "int16", "float16", True),
        (2049, "int16", "float16", False),
        (-(2**63), "int64", "float32", True),
        (2**63 + 2**40, "uint64", "float32", True),
        (2**63 + 2**39, "uint64", "float32", False),
        (65504, "uint16", "float16", True),
        (65520, "uint16", "float16", False),
    ],
)
def test_large_integers_that_a_float_has(value: int, dtype: str, other: str, kept: bool) -> None:
    assert keeps_values(np.array([value], dtype), other) is kept
