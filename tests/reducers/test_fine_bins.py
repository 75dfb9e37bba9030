"""Histograms of floats and wide integers, made while blocks pass, against numpy's of all pixels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reducers.distribution import Binned
from rios_flows.reducers.finebins import FINE_BINS, KEPT, FineBins
from rios_flows.reducers.statistics import RasterStatistics
from tests.support.rasters import Array

CHANCE = np.random.default_rng(11)
MANY = 2 * KEPT
BANDS: dict[str, Array] = {
    "index": np.clip(CHANCE.normal(0.3, 0.2, MANY), -1, 1).astype("float32"),
    "reflectance in steps": (np.rint(CHANCE.gamma(2, 800, MANY)) * 1e-4).astype("float32"),
    "decibels in tenths": (np.rint(CHANCE.normal(-12, 3, MANY) * 10) / 10).astype("float32"),
    "skewed": CHANCE.lognormal(0, 1.5, MANY).astype("float32"),
    "heights": CHANCE.normal(800, 200, MANY),
    "whole numbers as floats": np.rint(CHANCE.normal(2000, 900, MANY)).astype("float32"),
    "nearly all the same": np.where(CHANCE.random(MANY) < 0.9, 7.25, CHANCE.normal(0, 9, MANY)),
    "kelvin": CHANCE.uniform(271.3, 309.9, MANY).astype("float32"),
    "wide integers": CHANCE.integers(-(10**9), 10**9, MANY, dtype="int32"),
    "64 bits": CHANCE.integers(0, 2**64, MANY, dtype="uint64", endpoint=False),
}


def binned(values: Array) -> NDArray[np.int64]:
    """Count in the 256 bins that RIOS has, from the smallest value to the largest."""
    low, high = values.min().item(), values.max().item()
    edges = low + np.arange(1, 256) * ((high - low) / 256)
    if values.dtype.kind != "f":
        edges = np.array([low + int(n * ((high - low) / 256)) for n in range(1, 256)], values.dtype)
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=256)


@pytest.mark.parametrize("name", BANDS)
def test_a_thousandth_of_the_pixels_at_most_is_in_another_bin(name: str) -> None:
    values = BANDS[name]
    statistics = RasterStatistics(values.dtype, 1)
    for left, block in enumerate(np.array_split(values, 50)):
        statistics.add(ApplierBlockDefn(0, left, 1, block.size), block.reshape(1, 1, -1))
    (band,) = statistics.finish()
    assert band is not None
    assert band.histogram is not None
    expected = binned(values)
    assert band.histogram.counts.sum() == values.size
    assert np.abs(band.histogram.counts - expected).sum() < values.size / 1000
    # the fullest bin is one of the fullest
    step = (values.max().item() - values.min().item()) / 256
    mode = round((band.histogram.mode - values.min().item()) / step)
    assert expected[mode] > expected.max() - values.size / 1000


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("place", ["low", "high"])
def test_integers_that_lie_close_together_are_counted_one_by_one(dtype: str, place: str) -> None:
    limits = np.iinfo(dtype)
    spread = FINE_BINS - 1
    first = int(limits.min) if place == "low" else int(limits.max) - spread
    offsets = CHANCE.integers(0, spread + 1, KEPT + 5000)
    offsets[:2] = 0, spread
    values = offsets.astype(np.uint64).astype(dtype) + np.array(first, dtype)
    bins = FineBins(values.dtype)
    for block in np.array_split(values, 9):
        bins.add(block, block.min().item(), block.max().item())
    edges = [first + offset for offset in (0, 1, 77, 1000, spread)]
    expected = [int((offsets < edge - first).sum()) for edge in edges]
    assert bins.distribution().below(edges).tolist() == expected


def test_the_memory_does_not_grow_with_the_values() -> None:
    bins = FineBins(np.dtype(np.uint64))
    for block in np.array_split(BANDS["64 bits"], 9):
        bins.add(block, block.min().item(), block.max().item())
    distribution = bins.distribution()
    assert isinstance(distribution, Binned)
    assert distribution.counts.size <= FINE_BINS
    assert distribution.total == MANY


#: Bands in which outliers make fine bins so wide that one has very many pixels, and an edge of the
#: histogram in it; whether the histogram of the single pass is right nevertheless.
CROWDED: dict[str, tuple[Array, bool]] = {
    "between two edges": (np.append(CHANCE.uniform(0.52, 0.60, MANY), [-10000, 10001.3]), True),
    "one value": (np.append(np.full(MANY, 0.6), [-10000, 10001.3]), True),
    "smooth": (np.append(CHANCE.normal(0, 1, MANY), [-3130.7, 3001.1]), True),
    "smooth, far outliers": (np.append(CHANCE.normal(0, 1, MANY), [-3e5, 3.1e5]), True),
    "three values": (
        np.append(CHANCE.choice([100.001, 100.002, 100.003], MANY), [0, 25600.7]),
        False,
    ),
    "in tenths": (
        np.append(np.rint(CHANCE.normal(0, 300, MANY)) / 10, [-9999, 7777.7]).astype("float32"),
        False,
    ),
}


@pytest.mark.parametrize("name", CROWDED)
def test_what_outliers_do(name: str) -> None:
    values, right = CROWDED[name]
    statistics = RasterStatistics(values.dtype, 1)
    for left, block in enumerate(np.array_split(values, 50)):
        statistics.add(ApplierBlockDefn(0, left, 1, block.size), block.reshape(1, 1, -1))
    (band,) = statistics.finish()
    assert band is not None
    assert band.histogram is not None
    assert band.histogram.sure == right
    if right:
        difference = np.abs(band.histogram.counts - binned(values)).sum()
        assert difference < values.size / 1000
