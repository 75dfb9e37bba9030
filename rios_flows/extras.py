"""What an output gets beside its pixels: statistics, histogram, overviews, colours, callback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.windows import Window

from rios_flows import rioserrors
from rios_flows.bandtags import write_band_tags
from rios_flows.callbacks import OpenOutput
from rios_flows.cells import overview_levels
from rios_flows.closing import close_written
from rios_flows.colortable import genTable, reason_against, setTable
from rios_flows.grid import ApplierBlockDefn, BlockGrid
from rios_flows.nodata import nodata_of
from rios_flows.overviews import SINGLE_PASS_METHODS
from rios_flows.plan import Plan, Target
from rios_flows.pyramids import build_overviews, pour_overviews, reserve_overviews
from rios_flows.rat import COLOR_TYPES
from rios_flows.singlepass import SinglePass
from rios_flows.statistics import BandStatistics, RasterStatistics, can_be_measured
from rios_flows.timing import Timers
from rios_flows.types import BlockArray

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

logger = logging.getLogger(__name__)

#: Approximate statistics come from about this many pixels a band.
SAMPLE_PIXELS = 1 << 20


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
    """

    def __init__(self, plan: Plan, target: Target, dataset: DatasetWriter) -> None:
        self._target = target
        self._window = plan.blocks.window
        self._dtype = np.dtype(dataset.dtypes[0])
        self._tile_options = _threads(target)
        options = target.options
        self._measured = can_be_measured(self._dtype)
        self._statistics = self._measured and not options.omit_statistics
        self._histogram = self._measured and not options.omit_histogram
        self._bands: list[BandStatistics | None] = []
        self.levels: tuple[int, ...] = ()
        if not options.omit_pyramids:
            self.levels = overview_levels(
                dataset.shape, options.overview_levels, options.overview_min_dim
            )
        self.method = options.overview_resampling or "NEAREST"
        self.single_pass_pyramids = self._reserve(dataset)
        self.single_pass_statistics = self._in_single_pass(
            self._statistics, options.single_pass_statistics, "setSinglePassBasicStats"
        )
        self.single_pass_histogram = self._in_single_pass(
            self._histogram, options.single_pass_histogram, "setSinglePassHistogram"
        )
        self._pass = SinglePass(
            (dataset.count, *dataset.shape),
            self._dtype,
            nodata=self._nodata,
            thematic=options.thematic,
            statistics=self.single_pass_statistics,
            histogram=self.single_pass_histogram,
            levels=self.levels if self.single_pass_pyramids else (),
            method=self.method,
            scratch=None,
        )

    def add(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Take in one block, shape ``(bands, rows, cols)`` without margin; each block once."""
        self._pass.add(block, pixels)

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
            if self._statistics or self._histogram:
                with timings.interval("basicstats"):
                    dataset = self._finish_statistics(dataset, path)
            if self._target.options.before_close is not None:
                with timings.interval("beforeclose"):
                    self._call_back(dataset, *self._target.options.before_close)
            with timings.interval("writing"):
                close_written(dataset)
            if self.levels:
                with timings.interval("pyramids"):
                    self._finish_overviews(path)
            self._finish_colors(path)
        finally:
            self._pass.close()

    def abandon(self) -> None:
        """Let go of what was gathered."""
        self._pass.close()

    @property
    def _nodata(self) -> float | None:
        return nodata_of(self._dtype, self._target.options.nodata) if self._measured else None

    # deciding

    def _reserve(self, dataset: DatasetWriter) -> bool:
        """Make room for overviews that are made in the single pass, and tell whether they are."""
        wish = self._target.options.single_pass_pyramids
        if not self.levels or wish is False:
            return False
        possible = self.method in SINGLE_PASS_METHODS and (
            self._measured or self.method == "NEAREST"
        )
        if possible and reserve_overviews(dataset, self.levels):
            return True
        if wish:
            why = (
                f"{self._target.format.driver} has no room for them"
                if possible
                else f"{self.method} needs the whole {self._dtype} raster"
            )
            raise self._cannot("setSinglePassPyramids", why)
        return False

    def _in_single_pass(self, wanted: bool, wish: bool | None, control: str) -> bool:
        approximate = self._target.options.approximate_statistics
        if wish and approximate:
            raise self._cannot(control, "approximate statistics come from the finished file")
        if wish and not self._measured:
            raise self._cannot(control, f"there are no statistics of {self._dtype} pixels")
        return wanted and wish is not False and not approximate

    def _cannot(self, control: str, why: str) -> rioserrors.SinglePassActionsError:
        return rioserrors.SinglePassActionsError(
            f"{control}(True) cannot be for output '{self._target.label}' "
            f"('{self._target.path}'): {why}; set it to None"
        )

    # finishing

    def _finish_statistics(self, dataset: DatasetWriter, path: str) -> DatasetWriter:
        gathered = self._pass.statistics
        if gathered is not None:
            self._bands = gathered.finish()
            self._warn_of_nonfinite(gathered.nonfinite)
            self._tag(dataset, self.single_pass_statistics, self.single_pass_histogram)
        statistics = self._statistics and not self.single_pass_statistics
        histogram = self._histogram and not self.single_pass_histogram
        if statistics or histogram:
            close_written(dataset)
            self._bands = self._measure_file(path)
            dataset = rasterio.open(path, "r+", **self._tile_options)
            self._tag(dataset, statistics, histogram)
        return dataset

    def _tag(self, dataset: DatasetWriter, statistics: bool, histogram: bool) -> None:
        write_band_tags(
            dataset,
            self._bands,
            nodata=self._nodata,
            statistics=statistics,
            histogram=histogram,
            approximate=self._target.options.approximate_statistics,
        )

    def _measure_file(self, path: str) -> list[BandStatistics | None]:
        with rasterio.open(path) as dataset:
            gathered = RasterStatistics(
                self._dtype,
                dataset.count,
                nodata=self._nodata,
                thematic=self._target.options.thematic,
            )
            if self._target.options.approximate_statistics:
                step = max(1, int((dataset.width * dataset.height / SAMPLE_PIXELS) ** 0.5))
                shape = (-(-dataset.height // step), -(-dataset.width // step))
                sample = dataset.read(
                    out_shape=(dataset.count, *shape), resampling=Resampling.nearest
                )
                gathered.add(ApplierBlockDefn(0, 0, *shape), sample)
            else:
                for block in BlockGrid(dataset.width, dataset.height, self._window):
                    gathered.add(block, dataset.read(window=_window(block)))
        return gathered.finish()

    def _warn_of_nonfinite(self, count: int) -> None:
        if count:
            logger.warning(
                "Output '%s' ('%s') contains NaN or infinite pixels: %d; statistics leave them out",
                self._target.label,
                self._target.path,
                count,
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
        if self._pass.overviews is not None:
            pour_overviews(path, self._pass.overviews, **self._tile_options)
        else:
            build_overviews(path, self.levels, self.method)

    def _finish_colors(self, path: str) -> None:
        ramp, options = self._target.options.color_table, self._target.options
        if ramp is None or not options.thematic or self._dtype.kind not in "iu":
            return
        for number, band in enumerate(self._bands, 1):
            if band is None:
                continue
            entries = int(band.maximum) + 1
            reason = (
                f"{self._dtype} pixels are no classes" if self._dtype.kind not in "iu" else None
            )
            driver = self._target.format.driver
            reason = reason or reason_against(driver, str(self._dtype), number, entries)
            if reason is None:
                setTable(path, genTable(entries, COLOR_TYPES[ramp]), number)
            else:
                logger.warning("No colour table for '%s': %s", self._target.path, reason)


def _window(block: ApplierBlockDefn) -> Window:
    return Window(block.left, block.top, block.ncols, block.nrows)


def _threads(target: Target) -> dict[str, Any]:
    """Return the options by which a file that is opened again is compressed in threads, too."""
    given = dict(option.split("=", 1) for option in target.format.creation_options)
    return {"NUM_THREADS": given["NUM_THREADS"]} if "NUM_THREADS" in given else {}
