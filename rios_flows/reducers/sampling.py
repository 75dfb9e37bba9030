"""An even sample of a raster's pixels, drawn while its blocks pass in any order."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows.reducers.distribution import Sampled

#: Most pixels kept of a band. Of a large one at least about half as many are kept. The share of its
#: pixels below a value is then right to 0.2 % as a rule, and the odds against an error of more than
#: 1 % are 1e11 to 1.
SAMPLE_SIZE = 1 << 18

#: Pixels come in runs of 64 neighbours. Up to level 6 each run gives 64, 32, 16... 1 of its pixels;
#: beyond, every second run, every fourth run... still gives one.
RUN_BITS = 6
RUN = 1 << RUN_BITS

#: A run's random number: bits that choose its shuffle, the place where that begins, and the rest,
#: which is for levels beyond 6.
SHUFFLE_BITS = 8
PLACE_BITS = RUN_BITS + SHUFFLE_BITS
REST_BITS = 32 - PLACE_BITS

#: Highest level; at it, one pixel in ``2**24`` is drawn.
MAX_LEVEL = RUN_BITS + REST_BITS

#: Highest level at which each place of a shuffle is drawn; for the first it depends on the run.
LEVELS = np.array([RUN_BITS - place.bit_length() for place in range(RUN)], np.uint8)


class _Part(NamedTuple):
    """Pixels drawn from the whole runs of one block, shape ``(runs, pixels of each run)``."""

    seed: int
    values: NDArray[Any]


class PixelSample:
    """Keeps all pixels while there is room for them, then every second one, fourth one and so on.

    Which pixels are kept depends on their place in their block, on the block's seed and on how many
    pixels there are in all, and not on the order in which blocks come.

    Parameters
    ----------
    dtype : numpy dtype
        Type of the pixels.
    size : int
        Most pixels to keep.
    """

    def __init__(self, dtype: np.dtype[Any], size: int = SAMPLE_SIZE) -> None:
        self.total = 0
        self._size = size
        self._level = 0
        self._kept = 0
        # up to level 6: what whole runs give; and single pixels, with the highest level of each
        self._parts: list[_Part] = []
        self._values: NDArray[Any] = np.empty(0, dtype)
        self._levels = np.empty(0, np.uint8)
        self._used = 0

    def add(self, values: NDArray[Any], seed: int) -> None:
        """Draw from one block.

        Parameters
        ----------
        values : array
            Finite pixels, one axis.
        seed : int
            A number of the block's own, below ``2**64``.
        """
        self.total += values.size
        runs, rest = divmod(values.size, RUN)
        luck = random_numbers(seed, runs + 1)
        if self._level <= RUN_BITS:
            drawn = values[_places(luck[:runs], RUN >> self._level)]
            self._parts.append(_Part(seed, drawn))
            self._kept += drawn.size
        else:
            chosen, levels = _chosen(luck[:runs], self._level)
            places = _places(luck[:runs], 1, chosen)
            self._append(values[places[:, 0]], levels)
        if rest:
            self._add_rest(values[-rest:], luck[-1:])
        self._fit()

    def merge(self, other: PixelSample) -> None:
        """Add what another one of the same size has drawn."""
        self.total += other.total
        while self._level < other._level:
            self._thin()
        for part in other._parts:
            self._take(part)
        levels = other._levels[: other._used]
        keep = levels >= self._level
        self._append(other._values[: other._used][keep], levels[keep])
        self._fit()

    def sampled(self) -> Sampled:
        """Return the sample."""
        parts = [part.values.reshape(-1) for part in self._parts]
        return Sampled(np.sort(np.concatenate([*parts, self._values[: self._used]])), self.total)

    def _add_rest(self, values: NDArray[Any], luck: NDArray[np.uint32]) -> None:
        """Draw from a run that the end of the block cuts short."""
        places = _places(luck, RUN)[0]
        levels = LEVELS.copy()
        levels[0] = _highest(luck)[0]
        keep = (places < values.size) & (levels >= self._level)
        self._append(values[places[keep]], levels[keep])

    def _take(self, part: _Part) -> None:
        """Keep what belongs to the present level of what was drawn at a lower one."""
        if self._level <= RUN_BITS:
            values = part.values[:, : RUN >> self._level].copy()
            self._parts.append(_Part(part.seed, values))
            self._kept += values.size
        else:
            luck = random_numbers(part.seed, part.values.shape[0])
            chosen, levels = _chosen(luck, self._level)
            self._append(part.values[chosen, 0], levels)

    def _append(self, values: NDArray[Any], levels: NDArray[np.uint8]) -> None:
        end = self._used + values.size
        if end > self._values.size:
            room = max(end, min(2 * self._values.size, self._size))
            self._values = _lengthened(self._values, room)
            self._levels = _lengthened(self._levels, room)
        self._values[self._used : end] = values
        self._levels[self._used : end] = levels
        self._used = end
        self._kept += values.size

    def _fit(self) -> None:
        while self._kept > self._size and self._level < MAX_LEVEL:
            self._thin()

    def _thin(self) -> None:
        """Go up one level, and keep half of the pixels."""
        self._level += 1
        parts, self._parts = self._parts, []
        keep = self._levels[: self._used] >= self._level
        values, levels = self._values[: self._used][keep], self._levels[: self._used][keep]
        self._used = self._kept = 0
        self._append(values, levels)
        for part in parts:
            self._take(part)


def random_numbers(seed: int, count: int) -> NDArray[np.uint32]:
    """Return numbers that depend on the seed alone, and look like random ones."""
    start = seed & 0xFFFFFFFF
    key = np.arange(start, start + count, dtype=np.uint64).astype(np.uint32)
    return _scrambled(_scrambled(key) + np.uint32(seed >> 32 & 0xFFFFFFFF))


def _scrambled(key: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Mix the bits of each number, in place: the last step of MurmurHash3."""
    key ^= key >> np.uint32(16)
    key *= np.uint32(0x85EBCA6B)
    key ^= key >> np.uint32(13)
    key *= np.uint32(0xC2B2AE35)
    key ^= key >> np.uint32(16)
    return key


@cache
def _shuffles() -> NDArray[np.uint8]:
    """Return orders in which the pixels of a run are drawn: the first 64, 32, 16... 1 of a row."""
    # sorted numbers of our own, since numpy does not promise the same random ones for ever
    numbers = random_numbers(RUN, RUN << SHUFFLE_BITS).reshape(-1, RUN)
    return np.argsort(numbers, axis=1, kind="stable").astype(np.uint8)


def _places(
    luck: NDArray[np.uint32], number: int, runs: NDArray[np.intp] | None = None
) -> NDArray[np.intp]:
    """Return the places of the first pixels drawn from each run, shape ``(runs, number)``."""
    if runs is None:
        runs = np.arange(luck.size)
    shuffle = luck[runs] & np.uint32((1 << SHUFFLE_BITS) - 1)
    begin = (luck[runs] >> np.uint32(SHUFFLE_BITS) & np.uint32(RUN - 1)).astype(np.uint8)
    # each pixel of a run has the same chance, as few shuffles alone would not give it
    within = _shuffles()[shuffle, :number] ^ begin[:, np.newaxis]
    return within + (runs * RUN)[:, np.newaxis]


def _chosen(luck: NDArray[np.uint32], level: int) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Return the runs that give a pixel at a level beyond 6, and up to which level they do."""
    runs = np.flatnonzero(luck >> np.uint32(PLACE_BITS) < 1 << MAX_LEVEL - level)
    return runs, _highest(luck[runs])


def _highest(luck: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the highest level at which each run gives a pixel."""
    # one more for each further leading zero
    bits = np.frexp((luck >> np.uint32(PLACE_BITS)).astype(np.float64))[1]
    return (MAX_LEVEL - bits).astype(np.uint8)


def _lengthened(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Return a longer array that begins with these values."""
    longer = np.empty(size, values.dtype)
    longer[: values.size] = values
    return longer
