"""Statistics of raster files that exist already, by the same rules as while a file is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from rios_flows.gdal.private import read_pixels
from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
from rios_flows.reducers.histogram import BinCounter
from rios_flows.reducers.nodata import Number, nodata_of, valid_values
from rios_flows.reducers.statistics import BandStatistics, RasterStatistics

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

#: Width and height of the windows that are read (pixels).
WINDOW = (512, 512)

#: Approximate statistics use about this many pixels.
APPROXIMATE_PIXELS = 1 << 20

#: Gets the percentage of a band that has been read.
Report = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """How a band is measured."""

    dtype: np.dtype[Any]
    nodata: Number | None = None
    # values are classes
    thematic: bool = False
    histogram: bool = True
    # width and height of what is read at once (pixels)
    window: tuple[int, int] = WINDOW
    report: Report | None = None

    def statistics(self) -> RasterStatistics:
        """Make the object that gathers the statistics of the band."""
        return RasterStatistics(
            self.dtype, 1, nodata=self.nodata, thematic=self.thematic, histogram=self.histogram
        )


def statistics_of(
    dataset: DatasetReader, band: int, options: MeasureOptions
) -> BandStatistics | None:
    """Read a band, and return its statistics; None if no pixel is valid."""
    made = options.statistics()
    for block, pixels in _blocks(dataset, band, options):
        made.add(block, pixels[np.newaxis])
    found = made.finish()[0]
    if found is None or is_sure(found):
        return found
    return recounted(dataset, band, found, options)


def is_sure(found: BandStatistics) -> bool:
    """Return whether no second read of the band is needed for its histogram."""
    return found.histogram is None or found.histogram.sure


def approximate_statistics_of(
    dataset: DatasetReader, band: int, options: MeasureOptions
) -> BandStatistics | None:
    """Return statistics of a part of a band's pixels, from an overview if it has one."""
    factor = max((dataset.width * dataset.height / APPROXIMATE_PIXELS) ** 0.5, 1)
    rows, cols = max(int(dataset.height / factor), 1), max(int(dataset.width / factor), 1)
    pixels = np.empty((1, rows, cols), options.dtype)
    read_pixels(dataset, [band], Window(0, 0, dataset.width, dataset.height), pixels)
    made = options.statistics()
    made.add(ApplierBlockDefn(0, 0, rows, cols), pixels)
    return made.finish()[0]


def recounted(
    dataset: DatasetReader, band: int, known: BandStatistics, options: MeasureOptions
) -> BandStatistics:
    """Read a band again, and return its statistics with each bin counted exactly."""
    counter = BinCounter(options.dtype, known.minimum, known.maximum, options.thematic)
    value = nodata_of(options.dtype, options.nodata)
    for _, pixels in _blocks(dataset, band, options):
        counter.add(valid_values(pixels, value))
    return replace(known, histogram=counter.histogram())


def _blocks(
    dataset: DatasetReader, band: int, options: MeasureOptions
) -> Iterator[tuple[ApplierBlockDefn, NDArray[Any]]]:
    """Read a band block by block."""
    grid = BlockGrid(dataset.width, dataset.height, options.window)
    for number, block in enumerate(grid, 1):
        place = Window(block.left, block.top, block.ncols, block.nrows)
        pixels = np.empty((1, block.nrows, block.ncols), options.dtype)
        read_pixels(dataset, [band], place, pixels)
        yield block, pixels[0]
        if options.report is not None:
            options.report(100 * number / len(grid))
