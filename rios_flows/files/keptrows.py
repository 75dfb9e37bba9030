"""Attribute tables that GDAL cuts to the length of a histogram, which is a column of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from rios_flows.files.opening import Raster, open_raster
from rios_flows.files.tables import changing_table, reading_table
from rios_flows.formats.known import class_of
from rios_flows.reducers.statistics import BandStatistics

_HISTOGRAM = "Histogram"


@contextmanager
def rows_kept(raster: Raster, bands: Sequence[BandStatistics | None]) -> Iterator[None]:
    """Write rows again that are lost while histograms are written."""
    with open_raster(raster, "r") as dataset:
        cuts = class_of(dataset.driver).statistics_stay
    told = enumerate(bands, 1)
    kept = {number: _columns(raster, number, band) for number, band in told if cuts and band}
    yield
    for number, columns in kept.items():
        if columns:
            with changing_table(raster, number) as table:
                table.set_rows(max(table.rows, *map(len, columns.values())))
                for name, values in columns.items():
                    table.write(name, values)


def _columns(raster: Raster, number: int, band: BandStatistics) -> dict[str, NDArray[Any]]:
    """Return the columns of a table that is longer than a histogram."""
    with reading_table(raster, number) as table:
        if band.histogram is None or table.rows <= band.histogram.bins.number:
            return {}
        return {name: table.read(name) for name in table.names if name != _HISTOGRAM}
