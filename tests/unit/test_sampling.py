"""Samples of pixels."""

from __future__ import annotations

import numpy as np
import pytest

from rios_flows.reducers.sampling import RUN, PixelSample, random_numbers


def blocks(number: int, size: int) -> list[tuple[int, np.ndarray[tuple[int], np.dtype[np.int64]]]]:
    return [(seed * 7919 + 1, np.arange(size) + seed * size) for seed in range(number)]


def test_everything_while_there_is_room() -> None:
    sample = PixelSample(np.dtype(np.int64))
    for seed, values in blocks(3, 1000):
        sample.add(values, seed)
    sampled = sample.sampled()
    assert sampled.total == 3000
    np.testing.assert_array_equal(sampled.values, np.arange(3000))


@pytest.mark.parametrize("size", [64, 100, 1000, 4096])
@pytest.mark.parametrize("room", [300, 5000])
def test_between_half_and_all_of_the_room(size: int, room: int) -> None:
    sample = PixelSample(np.dtype(np.int64), room)
    for seed, values in blocks(400, size):
        sample.add(values, seed)
    sampled = sample.sampled()
    assert sampled.total == 400 * size
    assert room * 0.4 < sampled.values.size <= room
    assert np.unique(sampled.values).size == sampled.values.size


@pytest.mark.parametrize("room", [200, 3000, 60_000])
def test_order_and_merging_change_nothing(room: int) -> None:
    rng = np.random.default_rng(7)
    parts = blocks(200, 777)
    expected = PixelSample(np.dtype(np.int64), room)
    for seed, values in parts:
        expected.add(values, seed)
    for _ in range(3):
        samples = [PixelSample(np.dtype(np.int64), room) for _ in range(3)]
        for place in rng.permutation(len(parts)):
            seed, values = parts[place]
            samples[rng.integers(3)].add(values, seed)
        samples[2].merge(samples[0])
        samples[2].merge(samples[1])
        np.testing.assert_array_equal(samples[2].sampled().values, expected.sampled().values)
        assert samples[2].sampled().total == expected.sampled().total


@pytest.mark.parametrize("period", [2, 8, 13, 64, 512])
def test_stripes_are_seen_in_their_proportion(period: int) -> None:
    sample = PixelSample(np.dtype(np.int32), 1 << 14)
    for seed in range(60):
        sample.add(np.arange(1 << 14, dtype=np.int32) % period, seed << 32)
    values = sample.sampled().values
    below = np.searchsorted(values, np.arange(1, period)) / values.size
    np.testing.assert_allclose(below, np.arange(1, period) / period, atol=0.03)


def test_random_numbers_are_spread_evenly() -> None:
    numbers = random_numbers(12345 << 20, 1 << 16)
    assert np.unique(numbers).size == numbers.size
    assert abs(numbers.mean() / 2**32 - 0.5) < 0.01
    low = np.bincount(numbers & np.uint32(RUN - 1), minlength=RUN)
    assert low.min() > 850
    assert low.max() < 1200
    assert not np.array_equal(numbers, random_numbers(54321, 1 << 16))
