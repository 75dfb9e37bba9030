"""Statistics and histogram of a raster's bands, gathered while its blocks pass in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rios_flows.basics.types import BlockArray
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reducers.counting import NarrowCounter
from rios_flows.reducers.finebins import FineBins
from rios_flows.reducers.histogram import Histogram, make_histogram
from rios_flows.reducers.moments import Moments
from rios_flows.reducers.nodata import Number, finite_values, nodata_of


@dataclass(frozen=True, slots=True)
class BandStatistics:
    """Statistics of a band with valid pixels: those not nodata, NaN or infinite."""

    count: int
    pixels: int  # all that the band has, valid or not
    minimum: Number  # exact, like the maximum
    maximum: Number
    mean: float
    stddev: float  # of the pixels as the whole population
    histogram: Histogram | None  # None if not wanted


class RasterStatistics:
    """Gathers the statistics of all bands in a single pass; the order of blocks changes no bit."""

    def __init__(
        self,
        dtype: np.dtype[Any],
        bands: int,
        *,
        nodata: Number | None = None,
        thematic: bool = False,
        histogram: bool = True,
    ) -> None:
        self.dtype = np.dtype(dtype)
        if not can_be_measured(self.dtype):
            raise TypeError(f"no statistics of {self.dtype} pixels")
        self._thematic = thematic
        value = nodata_of(self.dtype, nodata)
        narrow = self.dtype.kind in "iu" and self.dtype.itemsize <= 2
        kind = _NarrowBand if narrow else _WideBand
        self._bands = [kind(self.dtype, value, histogram) for _ in range(bands)]
        self._pixels = 0

    @property
    def nonfinite(self) -> int:
        """Number of NaN and infinite pixels so far that are not nodata."""
        return sum(band.nonfinite for band in self._bands)

    def add(self, block: ApplierBlockDefn, array: BlockArray) -> None:
        """Add one block's pixels, shape ``(bands, rows, cols)``, without margin."""
        self._pixels += array.shape[1] * array.shape[2]
        for band, pixels in zip(self._bands, array, strict=True):
            values = np.ascontiguousarray(pixels, dtype=self.dtype).reshape(-1)
            if values.size:
                band.add(values)

    def finish(self) -> list[BandStatistics | None]:
        """Return the statistics of each band; None for a band without a valid pixel."""
        return [band.finish(self._thematic, self._pixels) for band in self._bands]

    def close(self) -> None:
        """Nothing is held."""


def can_be_measured(dtype: np.dtype[Any]) -> bool:
    """Return whether a type of pixels can have statistics; complex ones cannot."""
    return dtype.kind in "iuf"


class _NarrowBand:
    """A band of 8 or 16 bits: everything follows from the counts of its values."""

    def __init__(self, dtype: np.dtype[Any], nodata: Number | None, histogram: bool) -> None:
        self.nonfinite = 0
        self._dtype = dtype
        self._nodata = None if nodata is None else int(nodata)
        self._histogram = histogram
        self._counter = NarrowCounter(dtype)

    def add(self, values: NDArray[Any]) -> None:
        """Add the pixels of one block: one axis, at least one pixel."""
        self._counter.add(values)

    def finish(self, thematic: bool, pixels: int) -> BandStatistics | None:
        """Return the statistics; None if no pixel is valid."""
        # usually most values of 16 bits do not occur, and small tables are fast
        counted = self._counter.counted().trimmed().without(self._nodata).trimmed()
        if counted.range is None:
            return None
        minimum, maximum = counted.range
        moments = Moments()
        moments.add_counted(counted.first, counted.counts)
        histogram = None
        if self._histogram:
            histogram = make_histogram(counted, self._dtype, minimum, maximum, thematic)
        return BandStatistics(
            moments.count, pixels, minimum, maximum, moments.mean, moments.stddev, histogram
        )


class _WideBand:
    """A band of wider integers or of floating point numbers."""

    def __init__(self, dtype: np.dtype[Any], nodata: Number | None, histogram: bool) -> None:
        self.nonfinite = 0
        self._dtype = dtype
        self._nodata = None if nodata is None else dtype.type(nodata)
        self._range: tuple[Number, Number] | None = None
        self._moments = Moments()
        self._bins = FineBins(dtype) if histogram else None

    def add(self, values: NDArray[Any]) -> None:
        values, minimum, maximum = self._valid(values)
        if not values.size:
            return
        self._widen(minimum, maximum)
        self._moments.add(values, minimum, maximum)
        if self._bins is not None:
            self._bins.add(values, minimum, maximum)

    def finish(self, thematic: bool, pixels: int) -> BandStatistics | None:
        if self._range is None:
            return None
        minimum, maximum = self._range
        mean, stddev = self._moments.mean, self._moments.stddev
        if minimum == maximum:
            mean, stddev = float(minimum), 0.0
        histogram = None
        if self._bins is not None:
            values = self._bins.distribution()
            histogram = make_histogram(values, self._dtype, minimum, maximum, thematic)
        count = self._moments.count
        return BandStatistics(count, pixels, minimum, maximum, mean, stddev, histogram)

    def _widen(self, minimum: Number, maximum: Number) -> None:
        if self._range is not None:
            minimum = min(minimum, self._range[0])
            maximum = max(maximum, self._range[1])
        self._range = minimum, maximum

    def _valid(self, values: NDArray[Any]) -> tuple[NDArray[Any], Number, Number]:
        """Return the valid pixels, and their minimum and maximum."""
        low, high = values.min(), values.max()
        # a NaN among the pixels makes both NaN
        if self._dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
            # the others that are not nodata are reported later
            values, others = finite_values(values, self._nodata)
            self.nonfinite += others
            if values.size:
                low, high = values.min(), values.max()
        if self._nodata is not None and values.size and low <= self._nodata <= high:
            keep = values != self._nodata
            if not keep.all():
                values = values[keep]
                if values.size:
                    low, high = values.min(), values.max()
        if self._dtype.kind == "f":
            # avoid minus zero, which would depend on the order of the pixels
            return values, low.item() + 0.0, high.item() + 0.0
        return values, low.item(), high.item()
