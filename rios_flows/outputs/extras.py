"""What an output gets beside its pixels: statistics, histogram, overviews, colours, callback."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from rasterio.io import DatasetWriter

from rios_flows.basics.timing import Timers
from rios_flows.basics.types import BlockArray
from rios_flows.controls.options import BeforeClose
from rios_flows.files.histogramcolumns import write_histogram_columns
from rios_flows.files.layout import FileLayout
from rios_flows.files.nodatavalues import set_nodata
from rios_flows.formats.format import Wanted
from rios_flows.gdal.closing import close_written
from rios_flows.gdal.updating import reopened, updating
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.outputs.callbacks import call_before_close
from rios_flows.outputs.choices import Made, choose
from rios_flows.outputs.colors import add_colors, may_wait
from rios_flows.outputs.copying import give_own_pixels, take_copied_pixels
from rios_flows.outputs.outputplan import OutputPlan
from rios_flows.outputs.publishing.syncing import syncing
from rios_flows.outputs.pyramids import begin_pyramids, finish_pyramids
from rios_flows.outputs.statistics import OutputStatistics
from rios_flows.outputs.targets import Target
from rios_flows.outputs.wholeblocks import WholeBlocks
from rios_flows.reducers.nodata import needs_digits
from rios_flows.reducers.singlepass import SinglePass
from rios_flows.reducers.statistics import BandStatistics

#: Small blocks are gathered until they have so many pixels, or take so much memory (bytes): what is
#: made of each part, such as a piece of each overview, takes about as long and needs as much memory
#: whether it is small or large.
PART_PIXELS = 1 << 16
PART_BYTES = 4 << 20


class Extras:
    """Gathers what one output gets beside its pixels, and adds it to the finished file."""

    def __init__(
        self,
        plan: OutputPlan,
        target: Target,
        dataset: DatasetWriter,
        scratch: str,
        before_close: BeforeClose | None,
    ) -> None:
        dtype, written = np.dtype(dataset.dtypes[0]), target.format.written.options
        self._target = target
        self._before_close = before_close
        # a file that is opened again shall be compressed in threads, too
        self._reopening: dict[str, Any] = {k: v for k, v in written.items() if k == "NUM_THREADS"}
        self.chosen = begin_pyramids(target, choose(target, dtype, dataset.shape), dataset)
        self._lossy_copy = self._is_copied_lossily(dtype)
        shape, window = (dataset.count, *dataset.shape), plan.blocks.window
        part = large_part(shape, dtype, window)
        self.statistics = OutputStatistics(target, self.chosen, dtype, part)
        self._witness = target.format.witness(dataset.name, dtype, target.options.nodata)
        self._single_pass = SinglePass(
            shape,
            dtype,
            nodata=self.statistics.nodata,
            thematic=target.options.thematic,
            statistics=self.chosen.single_pass_statistics,
            histogram=self.chosen.single_pass_histogram,
            levels=self.chosen.levels if self.chosen.single_pass_pyramids else (),
            method=self.chosen.method,
            scratch=scratch,
            further=[] if self._witness is None else [self._witness],
        )
        layout = FileLayout(dataset.width, dataset.height, *part, dataset.count * dtype.itemsize)
        self._parts = WholeBlocks(layout, window, self._add_at, scratch)
        together = self._parts.needed and self._single_pass.makes_much
        self._gather = self._parts.add if together else self._single_pass.add

    @property
    def gathered(self) -> list[BandStatistics | None]:
        """Statistics of each band; empty before the file is finished, or if it gets none."""
        return self.statistics.bands

    def made(self, expected: Wanted) -> Made:
        """Return what the finished file must have."""
        return Made(expected, self.chosen, self.gathered, self._before_close is not None)

    def add(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Take in one block, shape ``(bands, rows, cols)`` without margin; each block once."""
        self._gather(block, pixels)

    def _add_at(self, left: int, top: int, pixels: BlockArray) -> None:
        _, nrows, ncols = pixels.shape
        self._single_pass.add(ApplierBlockDefn(top, left, nrows, ncols), pixels)

    def finish(self, dataset: DatasetWriter, path: str, timings: Timers) -> None:
        """Add the extras to the file, which has all its pixels, and close it, or raise OSError."""
        try:
            if self._lossy_copy:
                with timings.interval("writing"):
                    dataset = take_copied_pixels(self._target, dataset, path, **self._reopening)
            self._finish_made(dataset, path, timings)
            if self._witness is not None:
                with timings.interval("writing"):
                    self._witness.finish()
            if self._lossy_copy:
                with timings.interval("writing"):
                    give_own_pixels(path, **self._reopening)
            if self._target.options.thematic and self.chosen.histogram:
                with timings.interval("histogram"):
                    write_histogram_columns(path, self.gathered)
            if self._before_close is not None:
                # a second opening, since overviews can only be written between the two
                with timings.interval("beforeclose"), updating(path, **self._reopening) as complete:
                    call_before_close(complete, self._target, self._before_close)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of what was gathered."""
        self._parts.close()
        self._single_pass.close()

    def _finish_made(self, dataset: DatasetWriter, path: str, timings: Timers) -> None:
        """Add what is made from the pixels, and close the file."""
        approximate = self._target.options.approximate_statistics
        # once there are colours, GDAL makes overviews of them, and not of the values
        colors_later = bool(self.chosen.levels) and may_wait(self._target, dataset)
        try:
            if not approximate:
                dataset = self._finish_statistics(dataset, path, timings)
            if not colors_later:
                add_colors(dataset, self._target, self.gathered)
            with timings.interval("writing"):
                close_written(dataset)
                self._write_long_nodata(path)
            if self.chosen.levels:
                with syncing(path), timings.interval("pyramids"):
                    made, again = self._single_pass.overviews, self._reopening
                    self.chosen = finish_pyramids(self._target, self.chosen, path, made, **again)
            if colors_later:
                with timings.interval("writing"), updating(path, **self._reopening) as complete:
                    add_colors(complete, self._target, self.gathered)
            if approximate:
                # they come from the pyramids, which had no pixels before
                dataset = reopened(path, **self._reopening)
                close_written(self._finish_statistics(dataset, path, timings))
        except BaseException:
            dataset.close()
            raise

    def _write_long_nodata(self, path: str) -> None:
        """Write a nodata value that has more digits than rasterio writes."""
        nodata, dtype = self.statistics.nodata, self.statistics.dtype.name
        if needs_digits(dtype, nodata) and not self._target.format.is_directory:
            set_nodata(path, dtype, int(nodata or 0))

    def _finish_statistics(
        self, dataset: DatasetWriter, path: str, timings: Timers
    ) -> DatasetWriter:
        if self.chosen.statistics or self.chosen.histogram:
            with timings.interval("basicstats"):
                gathered = self._single_pass.finish()
                dataset = self.statistics.finish(dataset, path, gathered, **self._reopening)
        self.statistics.warn(self._single_pass.nonfinite)
        return dataset

    def _is_copied_lossily(self, dtype: np.dtype[Any]) -> bool:
        """Tell whether extras need the pixels of a copy that is not there yet."""
        chosen, wanted = self.chosen, self._target.format
        needed = chosen.statistics or chosen.histogram or bool(chosen.levels)
        lossy = wanted.working is not None and wanted.lossy_option(dtype.name) is not None
        return needed and lossy


def large_part(
    shape: tuple[int, int, int], dtype: np.dtype[Any], window: tuple[int, int]
) -> tuple[int, int]:
    """Return columns and rows of a part of about ``PART_PIXELS``: one window, or some together."""
    bands, nrows, ncols = shape
    width, height = min(window[0], ncols), min(window[1], nrows)
    most = min(PART_PIXELS, PART_BYTES // (bands * dtype.itemsize))
    windows = max(1, most // (width * height))
    across = min(windows, math.ceil(ncols / width))
    # in some rows only if a row is not enough: the windows come row by row
    down = windows // across if across * width >= ncols else 1
    return across * width, down * height
