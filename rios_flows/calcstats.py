"""Statistics and pyramids of raster files that exist already, and a report on the single pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.colortable import Raster, opened
from rios_flows.cuiprogress import SilentProgress
from rios_flows.defaults import Defaults, from_environment
from rios_flows.outputs import wholefile
from rios_flows.outputs.bandtags import write_band_tags
from rios_flows.outputs.pyramids import RESAMPLING
from rios_flows.reducers.cells import overview_levels
from rios_flows.reducers.nodata import Number, nodata_of
from rios_flows.reducers.singlepass import SinglePass
from rios_flows.reducers.statistics import BandStatistics, can_be_measured
from rios_flows.types import Key

if TYPE_CHECKING:
    from rasterio.io import DatasetReader, DatasetWriter

#: How overviews are filled where nothing is said.
DEFAULT_METHOD = "NEAREST"

#: Factors of overviews, and how small the smaller side of one may be, where nothing is said.
DEFAULT_OVERVIEWLEVELS = Defaults().overview_levels
DEFAULT_MINOVERVIEWDIM = Defaults().overview_min_dim


def calcStats(
    ds: Raster,
    progress: Any = None,
    ignore: Number | None = None,
    minoverviewdim: int | None = None,
    levels: Sequence[int] | None = None,
    aggregationType: str | None = None,
    approx_ok: bool = False,
) -> None:
    """Give a raster a nodata value, overviews, statistics and a histogram.

    Parameters
    ----------
    ds : str or open dataset
        The raster; an open one must be open in mode "r+".
    progress : object, optional
        A progress object.
    ignore : int or float, optional
        The nodata value; None leaves the raster's own.
    minoverviewdim : int, optional
        The shorter side of every overview is longer than this (pixels).
    levels : sequence of int, optional
        Factors to choose from.
    aggregationType : str, optional
        How overviews are filled: "NEAREST", "AVERAGE", "CUBIC" and so on.
    approx_ok : bool
        Statistics of a part of the pixels will do.
    """
    with opened(ds, "r+") as dataset:
        if ignore is not None:
            setNullValue(dataset, ignore)
        addPyramid(dataset, progress, minoverviewdim, levels, aggregationType)
        addStatistics(dataset, progress, ignore, approx_ok)


def addPyramid(
    ds: Raster,
    progress: Any = None,
    minoverviewdim: int | None = None,
    levels: Sequence[int] | None = None,
    aggregationType: str | None = None,
) -> None:
    """Let GDAL give a raster overviews; see :func:`calcStats`."""
    defaults = from_environment()
    method = aggregationType or defaults.overview_method or DEFAULT_METHOD
    if method.upper() not in RESAMPLING:
        known = ", ".join(RESAMPLING)
        raise rioserrors.ParameterError(f"no overviews are made by '{method}', only by {known}")
    smallest = defaults.overview_min_dim if minoverviewdim is None else minoverviewdim
    with opened(ds, "r+") as dataset:
        chosen = overview_levels(dataset.shape, levels or defaults.overview_levels, smallest)
        told = _Told(progress, "Computing Pyramid Layers...")
        if chosen:
            dataset.build_overviews(list(chosen), RESAMPLING[method.upper()])
        told.heard(100)


def addStatistics(
    ds: Raster, progress: Any = None, ignore: Number | None = None, approx_ok: bool = False
) -> None:
    """Give a raster statistics and a histogram, and a nodata value if one is given."""
    with opened(ds, "r+") as dataset:
        if ignore is not None:
            setNullValue(dataset, ignore)
        told = _Told(progress, "Computing Statistics...", dataset.count)
        bands = [told.band(dataset, band, approx_ok) for band in dataset.indexes]
        nodata = nodata_exactly(dataset)
        write_band_tags(dataset, bands, nodata=nodata, approximate=approx_ok)


def addBasicStatsGDAL(ds: Raster, approx_ok: bool = False) -> list[tuple[Number, Number] | None]:
    """Give a raster statistics without a histogram.

    Returns
    -------
    Smallest and largest value of each band; None for a band with no valid pixel.
    """
    with opened(ds, "r+") as dataset:
        bands = [band_statistics(dataset, band, approx_ok=approx_ok) for band in dataset.indexes]
        nodata = nodata_exactly(dataset)
        write_band_tags(dataset, bands, nodata=nodata, histogram=False, approximate=approx_ok)
        return [None if band is None else (band.minimum, band.maximum) for band in bands]


def addHistogramsGDAL(ds: Raster, minMaxList: Any = None, approx_ok: bool = False) -> None:
    """Give a raster histograms without the other statistics.

    Parameters
    ----------
    ds : str or open dataset
        The raster; an open one must be open in mode "r+".
    minMaxList : object
        Has no effect: the smallest and largest values are found along with the histogram.
    approx_ok : bool
        A part of the pixels will do.
    """
    with opened(ds, "r+") as dataset:
        bands = [band_statistics(dataset, band, approx_ok=approx_ok) for band in dataset.indexes]
        write_band_tags(dataset, bands, statistics=False)


def setNullValue(ds: Raster, nullValue: Number) -> None:
    """Give a raster a nodata value."""
    with opened(ds, "r+") as dataset:
        dataset.nodata = nullValue


def band_statistics(
    dataset: DatasetReader, band: int, *, approx_ok: bool = False, heard: Any = None
) -> BandStatistics | None:
    """Return statistics of a band, by its own nodata value and layer type.

    Parameters
    ----------
    dataset : DatasetReader
        The raster.
    band : int
        The band, from 1.
    approx_ok : bool
        A part of the pixels will do.
    heard : callable, optional
        Told how many percent of the band are read.

    Returns
    -------
    The statistics; None where no pixel is valid, or its type has none.
    """
    if not can_be_measured(np.dtype(dataset.dtypes[band - 1])):
        return None
    nodata = dataset.nodatavals[band - 1]
    thematic = dataset.tags(band).get("LAYER_TYPE") == "thematic"
    if approx_ok:
        return wholefile.approximate_statistics_of(dataset, band, nodata=nodata, thematic=thematic)
    return wholefile.statistics_of(dataset, band, nodata=nodata, thematic=thematic, heard=heard)


def nodata_exactly(dataset: DatasetWriter) -> Number | None:
    """Return a raster's nodata value: an integer where its pixels are integers."""
    nodata: Number | None = dataset.nodata
    dtype = np.dtype(dataset.dtypes[0])
    whole = nodata_of(dtype, nodata) if dtype.kind in "iu" else None
    return nodata if whole is None else whole


class _Told:
    """Tells a progress object of the work on some bands, and stops where it says so."""

    def __init__(self, progress: Any, text: str, bands: int = 1) -> None:
        self._progress = SilentProgress() if progress is None else progress
        self._bands = bands
        self._done = 0
        self._progress.reset()
        self._progress.setLabelText(text)

    def heard(self, percent: float) -> None:
        """Tell how much of the present band is done."""
        self._progress.setProgress(int((100 * self._done + percent) / self._bands))
        if self._progress.wasCancelled():
            raise rioserrors.ProcessCancelledError("cancelled by the progress object")

    def band(self, dataset: DatasetReader, band: int, approx_ok: bool) -> BandStatistics | None:
        """Return the statistics of the next band."""
        found = band_statistics(dataset, band, approx_ok=approx_ok, heard=self.heard)
        self._done += 1
        self.heard(0)
        return found


@dataclass
class SinglePassManager:
    """What was done in the single pass of a run, for each output.

    Attributes
    ----------
    directPyramidsSupported : dict
        Whether overviews can be made while a file is written, by driver.
    pyramids, statistics, histograms : dict
        Whether they were made while the output was written, by symbolic name.
    accumulators : dict
        What was gathered, by symbolic name and sequence number.
    """

    directPyramidsSupported: dict[str, bool] = field(default_factory=dict)
    pyramids: dict[str, bool] = field(default_factory=dict)
    statistics: dict[str, bool] = field(default_factory=dict)
    histograms: dict[str, bool] = field(default_factory=dict)
    accumulators: dict[Key, SinglePass] = field(default_factory=dict)

    def doSinglePassPyramids(self, symbolicName: str) -> bool:
        """Tell whether an output's overviews were made while it was written."""
        return self.pyramids[symbolicName]

    def doSinglePassStatistics(self, symbolicName: str) -> bool:
        """Tell whether an output's statistics were made while it was written."""
        return self.statistics[symbolicName]

    def doSinglePassHistogram(self, symbolicName: str) -> bool:
        """Tell whether an output's histogram was made while it was written."""
        return self.histograms[symbolicName]
