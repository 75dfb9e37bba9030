"""Attribute tables of raster files: opened, changed and kept, by name or open.

HFA and KEA keep a table in the file, and it is changed in place. For other local files there is a
side-car file, written anew. Of a dataset that the caller has open, GDAL writes it at the close.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rasterio.io import DatasetReader

from rios_flows import rioserrors
from rios_flows.files import sidecar, tablexml
from rios_flows.files.attributes import Table
from rios_flows.files.changelock import one_change
from rios_flows.files.opening import Raster, changing, check_band, is_name, open_raster
from rios_flows.files.osgeofile import AnyRaster, named
from rios_flows.formats.known import WITH_TABLES, WITH_TABLES_INSIDE, class_of
from rios_flows.gdal.closing import failures_raised
from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.pamoptions import option_that_hides
from rios_flows.gdal.private import handle_of
from rios_flows.gdal.tables import Rat, copied, give, rat_of
from rios_flows.gdal.tabletypes import Column

logger = logging.getLogger(__name__)


class NotKeptError(rioserrors.ImageWriteError):
    """A format keeps no attribute tables."""


@contextmanager
def reading_table(raster: AnyRaster, band: int = 1) -> Iterator[Table]:
    """Give the attribute table of a band to read; an empty one if it has none."""
    with open_raster(named(raster), "r") as dataset:
        found = _found(dataset, band)
        if found is not None:
            yield _table(found, dataset, band)
            return
        with copied(None) as empty:
            yield _table(empty, dataset, band)


@contextmanager
def changing_table(raster: AnyRaster, band: int = 1) -> Iterator[Table]:
    """Give the attribute table of a band to change, and keep it unless an error is raised."""
    raster = named(raster)
    with one_change(raster), _way_of(raster, band)(raster, band) as table:
        yield table


def _way_of(raster: Raster, band: int) -> Callable[..., AbstractContextManager[Table]]:
    """Return how the table of a raster is changed."""
    with open_raster(raster, "r") as dataset:
        found = _found(dataset, band)
        if found is not None and found.is_in_file:
            return _in_place
        inside = dataset.driver in WITH_TABLES_INSIDE
        beside = is_name(raster) and not inside and os.path.isfile(dataset.name)
        return _beside if beside else _by_gdal


@contextmanager
def _in_place(raster: Raster, band: int) -> Iterator[Table]:
    with changing(raster) as dataset:
        found = _found(dataset, band)
        if found is None:
            raise _not_kept(dataset, band, "GDAL has lost the one that there was")
        table = _table(found, dataset, band)
        table.room = class_of(dataset.driver).room_for_tables(dataset.name, band)
        yield table
        names, rows = table.names, table.rows
    if not is_name(raster):
        return
    with reading_table(raster, band) as kept:
        # some names are lost without a word
        if (kept.names, kept.rows) != (names, rows):
            raise rioserrors.ImageWriteError(
                f"The attribute table of {table.place} is not what was written: there should be "
                f"{rows} rows and the columns {', '.join(names)}"
            )


@contextmanager
def _beside(raster: Raster, band: int) -> Iterator[Table]:
    """Change a copy, and write it into the side-car file."""
    with open_raster(raster, "r") as dataset, copied(_found(dataset, band)) as rat:
        table = _table(rat, dataset, band)
        yield table
        wanted = (table.columns, table.rows)
        name = f"{dataset.name}.aux.xml"
        try:
            old = sidecar.changed(
                name,
                lambda root: sidecar.add_table(sidecar.band_of(root, band)),
                tablexml.written(rat),
            )
        except OSError as error:
            raise rioserrors.ImageWriteError(
                f"Unable to write the attribute table of band {band} of '{dataset.name}' into "
                f"'{name}', which is as it was: {with_hint(error)}"
            ) from error
        if not _has(raster, band, wanted):
            sidecar.put_back(name, old)
            hiding = option_that_hides()
            by = f" by {hiding}" if hiding else ""
            raise _not_kept(dataset, band, f"GDAL does not look for it in '{name}'{by}")


@contextmanager
def _by_gdal(raster: Raster, band: int) -> Iterator[Table]:
    """Change a copy, and let GDAL write it when the file is closed."""
    with changing(raster) as dataset, copied(_found(dataset, band)) as rat:
        table = _table(rat, dataset, band)
        if not is_name(raster):
            _check_seen(dataset, band)
        yield table
        wanted = (table.columns, table.rows)
        _tell_changed(table, is_open=not is_name(raster))
        try:
            with failures_raised():
                give(_handle_of(dataset), band, rat)
        except OSError as error:
            raise _not_kept(dataset, band, str(error)) from error
    if is_name(raster) and not _has(raster, band, wanted):
        raise _not_kept(dataset, band, "it has none afterwards")


def _check_seen(dataset: DatasetReader, band: int) -> None:
    """Raise if the table of an open dataset would be lost, or a table that GDAL does not see."""
    if not class_of(dataset.driver).keeps_tables:
        raise _not_kept(dataset, band, "GDAL does not look for it in a side-car file")
    there = os.path.exists(f"{dataset.name}.aux.xml")
    hiding = option_that_hides(existing=there)
    if hiding is not None and dataset.driver not in WITH_TABLES_INSIDE:
        raise _not_kept(dataset, band, f"GDAL has no side-car files by {hiding}")


def _tell_changed(table: Table, *, is_open: bool) -> None:
    changed = tablexml.changed_by_gdal(table.rat)
    if changed:
        way = "write it by the file's name when that is closed" if is_open else f"use {WITH_TABLES}"
        logger.warning(
            "%s: GDAL itself writes this table, and changes column '%s': it rounds floats to 16 "
            "digits, and drops blanks before text; to keep all, %s",
            *(table.place, "', '".join(changed), way),
        )


def _has(raster: Raster, band: int, wanted: tuple[list[Column], int]) -> bool:
    with reading_table(raster, band) as table:
        return (table.columns, table.rows) == wanted


def _found(dataset: DatasetReader, band: int) -> Rat | None:
    check_band(dataset, band)
    try:
        return rat_of(_handle_of(dataset), band)
    except OSError as error:
        raise rioserrors.ImageReadError(
            f"Unable to read the attribute table of band {band} of '{dataset.name}': {error}"
        ) from error


def _handle_of(dataset: DatasetReader) -> int:
    # setCallBeforeClose hands over a wrapped dataset
    return handle_of(getattr(dataset, "rasterio_dataset", dataset))


def _table(rat: Rat, dataset: DatasetReader, band: int) -> Table:
    least = 256 if dataset.dtypes[band - 1] == "uint8" else 0
    return Table(rat, f"band {band} of '{dataset.name}'", class_of(dataset.driver), least)


def _not_kept(dataset: DatasetReader, band: int, why: str) -> NotKeptError:
    remedy = "leave that option out" if option_that_hides() else f"copy it to {WITH_TABLES}"
    return NotKeptError(
        f"'{dataset.name}' ({dataset.driver}) cannot keep an attribute table for band {band}: "
        f"{why}; {remedy}"
    )
