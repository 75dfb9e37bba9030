"""An even sample of a raster's pixels, drawn while its blocks pass in any order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rios_flows.distribution import Sampled

#: Most pixels kept of a band. Of a large one at least about half as many are kept, so that the share
#: of pixels below a value is right to 0.65 % but for one value in 1e9, and to 0.1 % as a rule.
SAMPLE_SIZE = 1 << 19

#: Pixels come in runs of 64; up to level 6 every run gives 64, 32, 16... 1 of its pixels.
RUN_BITS = 6
RUN = 1 << RUN_BITS

#: Level at which one pixel in ``2**32`` is drawn: there is no higher one.
MAX_LEVEL = 32

#: Number of low zero bits of each number below ``RUN``.
LOW_ZEROS = np.array(
    [RUN_BITS] + [(number & -number).bit_length() - 1 for number in range(1, RUN)], np.uint8
)


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
        self._used = 0
        self._values: NDArray[Any] = np.empty(0, dtype)
        self._levels = np.empty(0, np.uint8)

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
        places, levels = draw(values.size, seed, self._level)
        self._append(values[places], levels)

    def merge(self, other: PixelSample) -> None:
        """Add what another one of the same size has drawn."""
        self.total += other.total
        self._thin(max(self._level, other._level))
        levels = other._levels[: other._used]
        keep = levels >= self._level
        self._append(other._values[: other._used][keep], levels[keep])

    def sampled(self) -> Sampled:
        """Return the sample."""
        return Sampled(np.sort(self._values[: self._used]), self.total)

    def _append(self, values: NDArray[Any], levels: NDArray[np.uint8]) -> None:
        end = self._used + values.size
        if end > self._values.size:
            room = max(end, min(2 * self._values.size, self._size))
            self._values = _lengthened(self._values, room)
            self._levels = _lengthened(self._levels, room)
        self._values[self._used : end] = values
        self._levels[self._used : end] = levels
        self._used = end
        while self._used > self._size and self._level < MAX_LEVEL:
            self._thin(self._level + 1)

    def _thin(self, level: int) -> None:
        """Keep what is drawn at this level, too: half of the pixels for each step."""
        self._level = level
        levels = self._levels[: self._used]
        keep = levels >= level
        values, levels = self._values[: self._used][keep], levels[keep]
        self._used = values.size
        self._values[: self._used], self._levels[: self._used] = values, levels


def draw(count: int, seed: int, level: int) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Draw about one in ``2**level`` of ``count`` pixels, evenly.

    What is drawn at a level is part of what is drawn, for the same seed, at a lower one.

    Returns
    -------
    Places of the drawn pixels, and for each the highest level at which it would still be drawn.
    """
    runs = -(-count // RUN)
    key = _random_numbers(seed, runs)
    # each run has a pixel that stays longest, up to a level that grows with the zeros in its key
    last = (key & np.uint32(RUN - 1)).astype(np.intp)
    bits = np.frexp((key >> np.uint32(RUN_BITS)).astype(np.float64))[1]
    highest = (MAX_LEVEL - bits).astype(np.uint8)
    if level > RUN_BITS:
        run = np.flatnonzero(highest >= level)
        places, levels = run * RUN + last[run], highest[run]
    else:
        # the others lie at equal distances from it
        step = 1 << level
        offsets = (last & step - 1)[:, np.newaxis] + np.arange(0, RUN, step)
        places = (offsets + np.arange(0, runs * RUN, RUN)[:, np.newaxis]).ravel()
        zeros = LOW_ZEROS[offsets ^ last[:, np.newaxis]]
        levels = np.where(zeros == RUN_BITS, highest[:, np.newaxis], zeros).ravel()
    inside = places < count
    return places[inside], levels[inside]


def _random_numbers(seed: int, count: int) -> NDArray[np.uint32]:
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


def _lengthened(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Return a longer array that begins with these values."""
    longer = np.empty(size, values.dtype)
    longer[: values.size] = values
    return longer
