"""Attribute tables copied from file to file."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any

from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.files.attributes import Table
from rios_flows.gdal.tabletypes import Column
from rios_flows.tables.controls import RatApplierControls
from rios_flows.tables.handles import AnyHandle, RatHandle, RatZarrHandle
from rios_flows.tables.progress import Progress, Show

logger = logging.getLogger(__name__)


def copy_table(
    infile: AnyHandle | str | PathLike[str],
    outfile: AnyHandle | str | PathLike[str],
    progress: Any,
    omitColumns: Sequence[str],
    shows: Sequence[Show] = (),
) -> None:
    """Copy the columns of a table into another one, and show the progress."""
    source, target = _handle(infile), _handle(outfile)
    omitted = [omitColumns] if isinstance(omitColumns, str) else omitColumns
    if _place(source) == _place(target):
        raise rioserrors.ParameterError(f"copyRAT: {source!r} and {target!r} are one table")
    controls = RatApplierControls()
    if progress is not None:
        controls.setProgress(progress)
    with source.reading() as old, target.changing() as new:
        wanted = _columns(old, omitted)
        _check(old, new, wanted, controls.blockLen)
        shown = Progress("copyRAT", "columns", len(wanted), [*shows, *controls.shows])
        if wanted:
            # no format keeps rows without a column
            new.set_rows(max(old.rows, new.rows, new.least_rows))
        for number, column in enumerate(wanted):
            shown.show(number)
            _copy(old, new, column, controls.blockLen)
        shown.show(len(wanted))


def _check(old: Table, new: Table, wanted: list[Column], block: int) -> None:
    """Raise if a column cannot be copied, before the table changes."""
    for column, planned in zip(wanted, new.all_planned(wanted), strict=True):
        if new.may_refuse(planned, column.type):
            for values, _ in _blocks(old, column, block):
                new.fitted(planned, values)


def _copy(old: Table, new: Table, column: Column, block: int) -> None:
    made = new.need(column, clear=False)
    for values, start in _blocks(old, column, block):
        new.write(made.name, values, start)
    new.clear(made.name, old.rows)


def _blocks(old: Table, column: Column, block: int) -> Iterator[tuple[NDArray[Any], int]]:
    for start in range(0, old.rows, block):
        yield old.read(column.name, start, min(block, old.rows - start)), start


def _columns(old: Table, omitted: Sequence[str]) -> list[Column]:
    """Return what to copy: of several columns of one name, the first, which is the one read."""
    firsts = [old.column(name) for name in dict.fromkeys(old.names)]
    if len(firsts) < len(old.columns):
        logger.warning("copyRAT: %s has columns of one name; the first is taken", old.place)
    return [column for column in firsts if column.name not in omitted]


def _handle(table: AnyHandle | str | PathLike[str]) -> AnyHandle:
    return table if isinstance(table, RatHandle | RatZarrHandle) else RatHandle(table)


def _place(handle: AnyHandle) -> tuple[str, int]:
    return os.path.realpath(handle.filename), getattr(handle, "layernum", 0)
