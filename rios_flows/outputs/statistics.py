"""Statistics and histogram of one output: from the single pass, or else from the finished file."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import rasterio
from rasterio.io import DatasetReader, DatasetWriter

from rios_flows.files.bandtags import write_band_tags
from rios_flows.files.defaulthistograms import add_default_histograms
from rios_flows.files.measuring import (
    MeasureOptions,
    approximate_statistics_of,
    is_sure,
    recounted,
    statistics_of,
)
from rios_flows.gdal.closing import close_written
from rios_flows.gdal.updating import reopened
from rios_flows.outputs.choices import Choices
from rios_flows.outputs.targets import Target
from rios_flows.reducers.nodata import nodata_of
from rios_flows.reducers.statistics import BandStatistics, can_be_measured

logger = logging.getLogger(__name__)


class OutputStatistics:
    """Finishes the statistics of one output, and puts them into its file."""

    def __init__(
        self, target: Target, chosen: Choices, dtype: np.dtype[Any], window: tuple[int, int]
    ) -> None:
        options = target.options
        self.dtype = dtype
        # as pixels have it
        self.nodata = nodata_of(dtype, options.nodata) if can_be_measured(dtype) else None
        # None for a band without a valid pixel; empty before they are finished
        self.bands: list[BandStatistics | None] = []
        self._target = target
        self._chosen = chosen
        self._how = MeasureOptions(dtype, self.nodata, options.thematic, chosen.histogram, window)

    def finish(
        self,
        dataset: DatasetWriter,
        path: str,
        gathered: list[BandStatistics | None],
        **options: Any,
    ) -> DatasetWriter:
        """Find what is not known yet, and write it all; return the file, maybe opened again."""
        self.bands = gathered
        chosen = self._chosen
        if self._is_read_again:
            close_written(dataset)
            self.bands = self._measured(path, gathered)
            hides_losses = self._target.format.hides_lost_pixels
            if hides_losses and not _same(self.bands, self._measured(path, gathered)):
                raise OSError("the file does not read the same each time; is the disk sound?")
            dataset = reopened(path, **options)
        write_band_tags(
            dataset,
            self.bands,
            # in the user's words
            nodata=[self._target.options.nodata] * dataset.count,
            statistics=chosen.statistics,
            histogram=chosen.histogram,
            approximate=self._target.options.approximate_statistics,
        )
        return dataset

    def finish_beside(self, path: str) -> None:
        """Write what belongs into a side-car file of the finished file."""
        if not (self._target.options.default_histogram and self._chosen.histogram):
            return
        made = self._target.format
        if made.is_directory:
            logger.warning("No default histogram for '%s': %s", self._target.path, made.driver)
        else:
            add_default_histograms(
                path, self.bands, approximate=self._target.options.approximate_statistics
            )

    def warn(self, nonfinite: int) -> None:
        """Warn of that many NaN and infinite pixels."""
        if nonfinite:
            logger.warning(
                "%s contains NaN or infinite pixels: %d; statistics leave them out",
                self._target.title,
                nonfinite,
            )

    @property
    def _is_read_again(self) -> bool:
        """Whether the finished file has to tell something."""
        chosen = self._chosen
        return (
            chosen.statistics > chosen.single_pass_statistics
            or chosen.histogram > chosen.single_pass_histogram
            or self._is_recounted
            or self._is_unsure
        )

    @property
    def _is_unsure(self) -> bool:
        """Whether a histogram made while blocks passed may be wrong, and can be made again."""
        insisted = self._target.options.single_pass_histogram
        return not insisted and not all(is_sure(band) for band in self.bands if band is not None)

    @property
    def _is_recounted(self) -> bool:
        """Whether each bin must be counted in the finished file; narrow types are exact already."""
        options = self._target.options
        return (
            self._chosen.histogram
            and options.exact_histogram
            and not options.approximate_statistics
            and not (self.dtype.kind in "iu" and self.dtype.itemsize <= 2)
        )

    def _measured(
        self, path: str, known: Sequence[BandStatistics | None]
    ) -> list[BandStatistics | None]:
        """Return the statistics of all bands from the finished file."""
        with rasterio.open(path) as dataset:
            return [self._measure(dataset, band, known) for band in dataset.indexes]

    def _measure(
        self, dataset: DatasetReader, band: int, gathered: Sequence[BandStatistics | None]
    ) -> BandStatistics | None:
        if self._target.options.approximate_statistics:
            return approximate_statistics_of(dataset, band, self._how)
        if not self._is_recounted and not (gathered and self._chosen.single_pass_histogram):
            return statistics_of(dataset, band, self._how)
        if gathered:
            known = gathered[band - 1]
            if known is not None and is_sure(known) and not self._is_recounted:
                return known
        else:
            known = statistics_of(dataset, band, replace(self._how, histogram=False))
        return None if known is None else recounted(dataset, band, known, self._how)


def _same(some: Sequence[BandStatistics | None], others: Sequence[BandStatistics | None]) -> bool:
    # arrays within them cannot be told equal by ==
    return pickle.dumps(some) == pickle.dumps(others)
