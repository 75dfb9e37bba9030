"""Histograms of classes as columns of attribute tables, where the format has them nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress

from rios_flows import rioserrors
from rios_flows.files import sidecar
from rios_flows.files.attributes import Table
from rios_flows.files.opening import Raster, open_raster
from rios_flows.files.tables import NotKeptError, changing_table, reading_table
from rios_flows.formats.known import class_of
from rios_flows.gdal.tabletypes import Binning, Column, ColumnType, ColumnUsage
from rios_flows.reducers.statistics import BandStatistics

logger = logging.getLogger(__name__)

_COUNTS = Column("Histogram", ColumnType.Real, ColumnUsage.PixelCount)


def write_histogram_columns(raster: Raster, bands: Sequence[BandStatistics | None]) -> None:
    """Write how many pixels each row of a band's table is for, if its values are classes.

    A column that is there is written anew for any band.
    """
    with open_raster(raster, "r") as dataset:
        if not class_of(dataset.driver).has_histogram_columns:
            return
        name, thematic = dataset.name, [_is_thematic(dataset.tags(n)) for n in dataset.indexes]
    some = _has_columns(name)
    for number, (band, classes) in enumerate(zip(bands, thematic, strict=True), 1):
        if not ((classes and _has_row_for_each(band)) or (some and _has_column(raster, number))):
            continue
        try:
            with changing_table(raster, number) as table:
                _write(table, band)
        except rioserrors.ImageWriteError as error:
            # a side-car file that is no XML is left alone
            known = isinstance(error, NotKeptError)
            if not (known or isinstance(error.__cause__, sidecar.NotWholeError)):
                raise
            logger.warning("No column of pixel counts for band %d of '%s': %s", number, name, error)


def _is_thematic(tags: dict[str, str]) -> bool:
    return tags.get("LAYER_TYPE") == "thematic"


def _has_row_for_each(band: BandStatistics | None) -> bool:
    """Tell whether each value has a bin of its own, from 0 on."""
    if band is None or band.histogram is None:
        return False
    bins = band.histogram.bins
    return bins.direct and bins.step == 1 and bins.minimum == 0


def _has_columns(path: str) -> bool:
    """Tell whether a file may have such columns; thousands of bands would be slow to ask."""
    with suppress(OSError):
        return f">{_COUNTS.name}<" in sidecar.old_text(f"{path}.aux.xml")
    return False


def _has_column(raster: Raster, number: int) -> bool:
    with reading_table(raster, number) as table:
        return _COUNTS.name in table.names


def _write(table: Table, band: BandStatistics | None) -> None:
    counts = []
    if band is not None and band.histogram is not None and _has_row_for_each(band):
        counts = band.histogram.counts.tolist()
    table.set_rows(max(len(counts), table.rows, table.least_rows))
    made = table.need(_COUNTS)
    table.write(made.name, counts)
    table.clear(made.name, len(counts))
    table.rat.set_binning(Binning(0, 1))
