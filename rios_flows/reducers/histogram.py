"""The bins of a histogram, its counts, and the median and mode from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rios_flows.reducers.distribution import Binned, Distribution
from rios_flows.reducers.nodata import Number

#: Number of bins if they are wider than one value.
LINEAR_BINS = 256

#: Most bins of a histogram with a bin for each value.
MAX_DIRECT_BINS = 1 << 16


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of equal width; ``minimum`` and ``maximum`` are the values of the first and the last."""

    minimum: Number
    maximum: Number
    number: int
    step: float
    direct: bool  # each bin is for one integer

    def value(self, index: int, whole: bool) -> Number:
        """Return the value of a bin; rounded to an integer if asked."""
        if whole:
            return round(Fraction(self.minimum) + Fraction(index * self.step))
        return self.minimum + index * self.step


@dataclass(frozen=True, slots=True)
class Histogram:
    """A band's histogram: the number of pixels in each bin."""

    bins: Bins
    counts: NDArray[np.int64]
    median: Number  # of the first bin up to which half of the pixels are
    mode: Number  # of the first of the fullest bins
    sure: bool = True  # hardly any pixel can be in another bin than its own

    @property
    def function(self) -> str:
        """Name of the way from bin to value: "direct" or "linear"."""
        return "direct" if self.bins.direct else "linear"


def choose_bins(dtype: np.dtype[Any], minimum: Number, maximum: Number, thematic: bool) -> Bins:
    """Choose bins: one for each integer, from 0 for classes and bytes; else 256 of equal width."""
    if thematic or dtype == np.uint8:
        first, last = min(0, math.floor(minimum)), math.ceil(maximum)
        if last - first < MAX_DIRECT_BINS:
            return Bins(first, last, last - first + 1, 1, True)
    if dtype.kind in "iu":
        if maximum - minimum < LINEAR_BINS:
            return Bins(minimum, maximum, int(maximum - minimum) + 1, 1, True)
        return Bins(minimum, maximum, LINEAR_BINS, (maximum - minimum) / LINEAR_BINS, False)
    if minimum == maximum:
        return Bins(minimum, maximum + 0.5, 1, 0.5, False)
    step = (maximum - minimum) / LINEAR_BINS
    if math.isinf(step):
        step = maximum / LINEAR_BINS - minimum / LINEAR_BINS
    return Bins(minimum, maximum, LINEAR_BINS, step, False)


def make_histogram(
    values: Distribution, dtype: np.dtype[Any], minimum: Number, maximum: Number, thematic: bool
) -> Histogram:
    """Put the values of a band into bins; it has at least one valid pixel."""
    bins = choose_bins(dtype, minimum, maximum, thematic)
    whole = dtype.kind in "iu"
    edges = _inner_edges(bins, whole)
    running = np.array([*values.below(edges), values.total], np.int64)
    made = _summed_up(bins, np.diff(running, prepend=0), whole)
    if isinstance(values, Binned) and not values.is_sure(edges):
        return replace(made, sure=False)
    return made


class BinCounter:
    """Counts pixels bin by bin, once the bins are known from an earlier pass."""

    def __init__(
        self, dtype: np.dtype[Any], minimum: Number, maximum: Number, thematic: bool
    ) -> None:
        self._bins = choose_bins(dtype, minimum, maximum, thematic)
        self._whole = dtype.kind in "iu"
        inner = _inner_edges(self._bins, self._whole)
        # in the pixels' own type, so that large integers are not compared as floats
        self._edges = np.array(inner, dtype if self._whole else np.float64)
        self._counts = np.zeros(self._bins.number, np.int64)

    def add(self, values: NDArray[Any]) -> None:
        """Count pixels: one axis."""
        values = values.astype(self._edges.dtype, copy=False)
        places = np.searchsorted(self._edges, values, side="right")
        self._counts += np.bincount(places, minlength=self._counts.size)

    def histogram(self) -> Histogram:
        """Return the histogram; there is at least one pixel."""
        return _summed_up(self._bins, self._counts, self._whole)


def _summed_up(bins: Bins, counts: NDArray[np.int64], whole: bool) -> Histogram:
    """Add median and mode."""
    running = np.cumsum(counts)
    half = int(np.searchsorted(2 * running, running[-1]))
    mode = int(np.argmax(counts))
    return Histogram(bins, counts, bins.value(half, whole), bins.value(mode, whole))


def _inner_edges(bins: Bins, whole: bool) -> list[Number]:
    """Return the start of each bin but the first; the outer bins take all values beyond."""
    return [_lower_edge(bins, index, whole) for index in range(1, bins.number)]


def _lower_edge(bins: Bins, index: int, whole: bool) -> Number:
    """Return the smallest value that belongs to a bin."""
    if whole:
        return int(bins.minimum) + int(index * bins.step)
    if bins.direct:
        return bins.minimum + index - 0.5
    return bins.minimum + index * bins.step
