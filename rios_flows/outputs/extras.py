"""What an output gets beside its pixels: statistics, histogram, overviews, colours, callback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio

from rios_flows import rioserrors
from rios_flows.colortable import ColorTableException, genTable, reason_against, setTable
from rios_flows.grid import ApplierBlockDefn
from rios_flows.outputs import wholefile
from rios_flows.outputs.bandtags import add_default_histograms, write_band_tags
from rios_flows.outputs.callbacks import OpenOutput
from rios_flows.outputs.choices import Choices, choose
from rios_flows.outputs.pyramids import (
    OverviewSizeError,
    build_overviews,
    pour_overviews,
    reserve_overviews,
)
from rios_flows.plan import Plan
from rios_flows.rat import COLOR_TYPES
from rios_flows.reducers.nodata import nodata_of
from rios_flows.reducers.singlepass import SinglePass
from rios_flows.reducers.statistics import BandStatistics, can_be_measured
from rios_flows.targets.closing import close_written
from rios_flows.targets.formats import DIRECTORIES
from rios_flows.targets.syncing import syncing
from rios_flows.targets.targets import Target
from rios_flows.timing import Timers
from rios_flows.types import BlockArray

if TYPE_CHECKING:
    from rasterio.io import DatasetReader, DatasetWriter

logger = logging.getLogger(__name__)

#: Most entries of an automatic colour table.
MOST_COLORS = 1 << 16


class Extras:
    """Gathers what one output gets beside its pixels, and puts it there when the file is finished.

    Parameters
    ----------
    plan : Plan
        The plan of the run.
    target : Target
        The output.
    dataset : DatasetWriter
        The file, just created: no pixel has been written.
    scratch : str
        Directory for what does not fit into memory meanwhile.

    Attributes
    ----------
    chosen : Choices
        What the output gets.
    gathered : SinglePass
        What was gathered while blocks passed.
    """

    def __init__(self, plan: Plan, target: Target, dataset: DatasetWriter, scratch: str) -> None:
        self._target = target
        self._window = plan.blocks.window
        self._dtype = np.dtype(dataset.dtypes[0])
        self._threads = _threads(target)
        self._bands: list[BandStatistics | None] = []
        self._nonfinite = 0
        self.chosen = self._reserve(choose(target, self._dtype, dataset.shape), dataset)
        single = self.chosen.single_pass_pyramids
        self.gathered = SinglePass(
            (dataset.count, *dataset.shape),
            self._dtype,
            nodata=self._nodata,
            thematic=target.options.thematic,
            statistics=self.chosen.single_pass_statistics,
            histogram=self.chosen.single_pass_histogram,
            levels=self.chosen.levels if single else (),
            method=self.chosen.method,
            scratch=scratch,
        )

    def add(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Take in one block, shape ``(bands, rows, cols)`` without margin; each block once."""
        self.gathered.add(block, pixels)
        if self.gathered.statistics is None and self._dtype.kind in "fc":
            self._count_nonfinite(pixels)

    def finish(self, dataset: DatasetWriter, path: str, timings: Timers) -> None:
        """Finish the file: put the extras in, and close it.

        Parameters
        ----------
        dataset : DatasetWriter
            The file, with all its pixels; closed in the end.
        path : str
            Where it is.
        timings : Timers
            Learns how long that took.

        Raises
        ------
        OSError
            If the file could not be written.
        """
        try:
            if self.chosen.statistics or self.chosen.histogram:
                with timings.interval("basicstats"):
                    dataset = self._finish_statistics(dataset, path)
            self._warn_of_nonfinite()
            self._finish_colors(dataset)
            if self._target.options.before_close is not None:
                with timings.interval("beforeclose"):
                    self._call_back(dataset, *self._target.options.before_close)
            with timings.interval("writing"):
                close_written(dataset)
            if self.chosen.levels:
                with syncing(path), timings.interval("pyramids"):
                    self._finish_overviews(path)
        except BaseException:
            dataset.close()
            raise
        finally:
            self.gathered.close()

    def finish_beside(self, path: str) -> None:
        """Write what belongs into a side-car file of the finished file."""
        if not (self._target.options.default_histogram and self.chosen.histogram):
            return
        driver = self._target.format.driver
        if driver in DIRECTORIES:
            logger.warning("No default histogram for '%s': %s", self._target.path, driver)
        else:
            add_default_histograms(path, self._bands)

    def abandon(self) -> None:
        """Let go of what was gathered."""
        self.gathered.close()

    @property
    def _nodata(self) -> float | None:
        measured = can_be_measured(self._dtype)
        return nodata_of(self._dtype, self._target.options.nodata) if measured else None

    def _reserve(self, chosen: Choices, dataset: DatasetWriter) -> Choices:
        """Make room for overviews that are made while blocks pass."""
        if chosen.single_pass_pyramids and not reserve_overviews(dataset, chosen.levels):
            driver = self._target.format.driver
            if self._target.options.single_pass_pyramids:
                why = f"{driver} has no room for pyramids that are filled later"
                raise self._target.cannot("setSinglePassPyramids", why)
            chosen.single_pass_pyramids = False
        return chosen

    def _count_nonfinite(self, pixels: BlockArray) -> None:
        finite = np.isfinite(pixels)
        if not finite.all():
            rest, nodata = pixels[~finite], self._nodata
            if nodata is not None:
                rest = rest[~(np.isnan(rest) if np.isnan(nodata) else rest == nodata)]
            self._nonfinite += rest.size

    def _finish_statistics(self, dataset: DatasetWriter, path: str) -> DatasetWriter:
        chosen = self.chosen
        now = (chosen.single_pass_statistics, chosen.single_pass_histogram)
        if self.gathered.statistics is not None:
            self._bands = self.gathered.statistics.finish()
            self._nonfinite = self.gathered.statistics.nonfinite
            if now[1] and self._recount:
                now = (now[0], False)
            self._tag(dataset, *now)
        later = (chosen.statistics and not now[0], chosen.histogram and not now[1])
        if any(later):
            close_written(dataset)
            with rasterio.open(path) as finished:
                self._bands = [self._measure(finished, band) for band in finished.indexes]
            dataset = rasterio.open(path, "r+", **self._threads)
            self._tag(dataset, *later)
        return dataset

    @property
    def _recount(self) -> bool:
        """Whether each bin is to be counted in the finished file; narrow types need no more."""
        options = self._target.options
        return (
            self.chosen.histogram
            and options.exact_histogram
            and not options.approximate_statistics
            and not (self._dtype.kind in "iu" and self._dtype.itemsize <= 2)
        )

    def _measure(self, dataset: DatasetReader, band: int) -> BandStatistics | None:
        """Return a band's statistics from the finished file, where they are not known."""
        options, nodata = self._target.options, self._nodata
        if options.approximate_statistics:
            return wholefile.approximate_statistics_of(
                dataset, band, nodata=nodata, thematic=options.thematic
            )
        known = self._bands[band - 1] if self._bands else None
        if not self._bands or not self._recount:
            known = wholefile.statistics_of(
                dataset, band, nodata=nodata, thematic=options.thematic, window=self._window
            )
        if known is None or not self._recount:
            return known
        return wholefile.recounted(
            dataset, band, known, nodata=nodata, thematic=options.thematic, window=self._window
        )

    def _tag(self, dataset: DatasetWriter, statistics: bool, histogram: bool) -> None:
        write_band_tags(
            dataset,
            self._bands,
            # in the user's words
            nodata=self._target.options.nodata,
            statistics=statistics,
            histogram=histogram,
            approximate=self._target.options.approximate_statistics,
        )

    def _warn_of_nonfinite(self) -> None:
        if self._nonfinite:
            logger.warning(
                "Output '%s' ('%s') contains NaN or infinite pixels: %d; statistics leave them out",
                self._target.label,
                self._target.path,
                self._nonfinite,
            )

    def _call_back(
        self, dataset: DatasetWriter, function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> None:
        try:
            function(OpenOutput(dataset), *arguments)
        except Exception as error:
            raise rioserrors.WorkerExceptionError(
                f"setCallBeforeClose: '{getattr(function, '__name__', function)}' failed for "
                f"output '{self._target.label}' ('{self._target.path}'): "
                f"{type(error).__name__}: {error}"
            ) from error

    def _finish_overviews(self, path: str) -> None:
        if self.gathered.overviews is not None:
            try:
                pour_overviews(path, self.gathered.overviews, **self._threads)
                return
            except OverviewSizeError as error:
                if self._target.options.single_pass_pyramids:
                    raise self._target.cannot("setSinglePassPyramids", str(error)) from error
                self.chosen.single_pass_pyramids = False
        if not build_overviews(path, self.chosen.levels, self.chosen.method, **self._threads):
            logger.warning(
                "Output '%s' ('%s') goes without pyramids: %s has no room for them",
                self._target.label,
                self._target.path,
                self._target.format.driver,
            )

    def _finish_colors(self, dataset: DatasetWriter) -> None:
        ramp, options = self._target.options.color_table, self._target.options
        if ramp is None or not options.thematic or self._dtype.kind not in "iu":
            return
        if not self._bands:
            logger.warning("No colour table for '%s': it needs statistics", self._target.path)
        for number, band in enumerate(self._bands, 1):
            reason = None if band is None else self._set_colors(dataset, number, band, ramp)
            if reason is not None:
                logger.warning("No colour table for '%s': %s", self._target.path, reason)

    def _set_colors(
        self, dataset: DatasetWriter, number: int, band: BandStatistics, ramp: str
    ) -> str | None:
        """Give a band a colour table, or return why not."""
        entries = int(band.maximum) + 1
        if not 1 <= entries <= MOST_COLORS:
            return f"values go up to {band.maximum}, and colours from 0 to {MOST_COLORS - 1}"
        driver = self._target.format.driver
        reason = reason_against(driver, str(self._dtype), number, entries)
        if reason is None:
            try:
                setTable(dataset, genTable(entries, COLOR_TYPES[ramp]), number)
            except ColorTableException as error:
                reason = str(error)
        return reason


def _threads(target: Target) -> dict[str, Any]:
    """Return the options by which a file that is opened again is compressed in threads, too."""
    _, options = target.format.written
    given = dict(option.split("=", 1) for option in options)
    return {"NUM_THREADS": given["NUM_THREADS"]} if "NUM_THREADS" in given else {}
