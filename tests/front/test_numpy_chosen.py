"""Functions of numpy on masked blocks that are told which pixels count, or put some into others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rios_flows.front.masked import MaskedBlock

PIXELS = np.random.default_rng(3).integers(1, 50, (6, 5))
MASK = PIXELS % 4 == 0
CHOSEN = np.arange(30).reshape(6, 5) % 3 > 0
KINDS = [("float32", np.nan), ("float32", 7), ("uint8", 0), ("uint8", 99)]


def block(dtype: str, beneath: float, mask: Any = MASK) -> Any:
    pixels = PIXELS.astype(dtype)
    pixels[mask] = beneath
    return MaskedBlock(pixels, mask=mask)


def same(found: Any, expected: Any) -> None:
    np.testing.assert_array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(expected))
    np.testing.assert_allclose(
        np.ma.filled(np.ma.asarray(found), 0), np.ma.filled(np.ma.asarray(expected), 0), rtol=1e-5
    )


@pytest.mark.parametrize(("dtype", "beneath"), KINDS)
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_where_leaves_out_what_it_does_not_choose(
    dtype: str, beneath: float, axis: int | None
) -> None:
    one = block(dtype, beneath)
    # what is meant, in words of numpy.ma
    meant = np.ma.MaskedArray(PIXELS.astype(dtype), mask=MASK | ~CHOSEN)
    more: dict[str, Any]
    for name, more in (
        *((each, {}) for each in ("sum", "prod", "mean", "std", "var", "any", "all")),
        *(("max", {"initial": 0}), ("min", {"initial": 99})),
    ):
        found = getattr(np, name)(one, axis=axis, where=CHOSEN, **more)
        same(found, getattr(meant, name)(axis=axis))
        same(getattr(one, name)(axis=axis, where=CHOSEN, **more), found)
    same(np.add.reduce(one, axis=axis, where=CHOSEN), meant.sum(axis=axis))
    # of a condition that is masked it is not known whether it chooses
    known = np.ma.MaskedArray(PIXELS.astype(dtype), mask=MASK | (PIXELS <= 20))
    same(np.sum(one, axis=axis, where=one > 20), np.ma.filled(known.sum(axis=axis), 0))
    assert np.sum(one, axis=axis, initial=3).sum() == np.sum(one, axis=axis).sum() + 3 * np.size(
        np.sum(PIXELS, axis=axis)
    )


def test_none_chosen_and_none_valid() -> None:
    one = block("float32", np.nan)
    # numpy's sum of nothing
    assert np.sum(one, where=np.zeros((6, 5), bool)) == 0
    assert np.sum(one, where=MASK) is np.ma.masked
    assert np.mean(one, where=MASK) is np.ma.masked


@pytest.mark.parametrize(("dtype", "beneath"), KINDS)
def test_weights_by_place_and_by_name(dtype: str, beneath: float) -> None:
    weights = block("float32", beneath, MASK.T[:5, :5].repeat(2, axis=0)[:6])
    one = block(dtype, beneath)
    classes = one.ravel().astype(int)
    valid = ~(MASK | weights.mask)
    expected = np.bincount(PIXELS[valid], PIXELS[valid], 60)
    for found in (
        np.bincount(classes, weights.ravel(), 60),
        np.bincount(classes, weights.ravel(), minlength=60),
        np.bincount(classes, minlength=60, weights=weights.ravel()),
    ):
        np.testing.assert_array_equal(found, expected)
    found = np.bincount(PIXELS.ravel(), weights.ravel(), 60)
    there = ~weights.mask
    np.testing.assert_array_equal(found, np.bincount(PIXELS[there], PIXELS[there], 60))
    expected = np.histogram(PIXELS[valid], 5, (0, 50), weights=PIXELS[valid])[0]
    np.testing.assert_array_equal(np.histogram(one, 5, (0, 50), None, weights)[0], expected)
    np.testing.assert_array_equal(np.histogram(one, 5, (0, 50), weights=weights)[0], expected)
    edges = np.histogram_bin_edges(PIXELS[~MASK].astype(dtype), 5)
    np.testing.assert_array_equal(np.histogram_bin_edges(one, 5), edges)


@pytest.mark.parametrize(("dtype", "beneath"), KINDS)
def test_what_is_put_into_an_array_takes_its_mask_along(dtype: str, beneath: float) -> None:
    one = block(dtype, beneath)
    into = MaskedBlock(np.zeros((6, 5), dtype), mask=np.arange(30).reshape(6, 5) % 7 == 0)
    before = into.mask.copy()
    np.copyto(into, one, where=CHOSEN)
    np.testing.assert_array_equal(into.mask, np.where(CHOSEN, MASK, before))
    np.testing.assert_array_equal(into.filled(1)[CHOSEN], np.where(MASK, 1, PIXELS)[CHOSEN])
    # the mask of what it was taken from stays
    into[...] = 3
    np.testing.assert_array_equal(one.mask, MASK)
    for put in (np.putmask, np.place):
        into = MaskedBlock(np.zeros((6, 5), dtype))
        put(into, CHOSEN, one if put is np.putmask else one[CHOSEN])
        np.testing.assert_array_equal(np.ma.getmaskarray(into), CHOSEN & MASK)
        np.testing.assert_array_equal(into.filled(0), np.where(CHOSEN & ~MASK, PIXELS, 0))
    with pytest.warns(UserWarning, match=r"numpy\.copyto drops the mask") as told:
        np.copyto(np.zeros((6, 5), dtype), one)
    assert told[0].filename == __file__
