"""Attribute tables that GDAL makes as long as a histogram, which is a column of theirs.

It would cut longer ones, and of shorter ones show bytes of others as values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.files.opening import Raster, is_name, open_raster
from rios_flows.files.tables import changing_table, reading_table
from rios_flows.formats.known import class_of
from rios_flows.gdal.closing import failures_raised, flush
from rios_flows.gdal.private import handle_of
from rios_flows.gdal.tables import copied, give
from rios_flows.reducers.statistics import BandStatistics

_HISTOGRAM = "Histogram"


@contextmanager
def rows_kept(raster: Raster, bands: Sequence[BandStatistics | None]) -> Iterator[None]:
    """Make tables anew after histograms were written, with all their rows."""
    with open_raster(raster, "r") as dataset:
        cuts = class_of(dataset.driver).statistics_stay
    counts = {
        number: band.histogram.counts
        for number, band in enumerate(bands, 1)
        if cuts and band is not None and band.histogram is not None
    }
    kept = {number: _columns(raster, number, len(counts[number])) for number in counts}
    yield
    if counts and not is_name(raster):
        _reread(raster, counts)
    for number, columns in kept.items():
        if columns or not is_name(raster):
            _write_again(raster, number, {**columns, _HISTOGRAM: counts[number]})


def _columns(raster: Raster, number: int, bins: int) -> dict[str, NDArray[Any]]:
    """Return the columns that are to be written again."""
    with reading_table(raster, number) as table:
        if is_name(raster) and table.rows == bins:
            return {}
        return {name: table.read(name) for name in table.names if name != _HISTOGRAM}


def _reread(raster: Any, bands: Iterable[int]) -> None:
    """Have GDAL write the histograms of an open dataset, and look at its tables again."""
    dataset = getattr(raster, "rasterio_dataset", raster)
    try:
        flush(dataset)
        for number in bands:
            with failures_raised(), copied(None) as empty:
                give(handle_of(dataset), number, empty)
    except OSError as error:
        raise rioserrors.ImageWriteError(
            f"Unable to write the histograms of '{dataset.name}': {error}"
        ) from error


def _write_again(raster: Raster, number: int, columns: dict[str, NDArray[Any]]) -> None:
    with changing_table(raster, number) as table:
        # GDAL makes room for rows that are new to the table, but not for those of one column
        table.set_rows(0)
        table.set_rows(max(map(len, columns.values())))
        for name, values in columns.items():
            table.write(name, values)
