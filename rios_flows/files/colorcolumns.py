"""Colours as columns of an attribute table, by their usage: where a format has no colour table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rios_flows.files.attributes import Table
from rios_flows.files.opening import Raster
from rios_flows.files.ramps import Table as Colors
from rios_flows.files.tables import changing_table, reading_table
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage

#: The usages of the parts of a colour, which are the names of new columns, too.
PARTS = (ColumnUsage.Red, ColumnUsage.Green, ColumnUsage.Blue, ColumnUsage.Alpha)


def write_color_columns(raster: Raster, band: int, colors: Colors) -> None:
    """Write a colour table, shape ``(4, entries)``, a column for each part; the rest is black."""
    with changing_table(raster, band) as table:
        entries = colors.shape[1]
        table.set_rows(max(entries, table.rows, table.least_rows))
        there = _columns(table)
        for usage, values in zip(PARTS, colors, strict=True):
            found = there.get(usage, Column(usage.name, ColumnType.Integer, usage))
            made = table.need(table.planned(found))
            table.write(made.name, values / 255 if made.type is ColumnType.Real else values)
            table.clear(made.name, entries)


def read_color_columns(raster: Raster, band: int) -> Colors | None:
    """Return the colours in a band's columns, shape ``(4, rows)``; None if one of three lacks."""
    with reading_table(raster, band) as table:
        there = _columns(table)
        if not there.keys() >= set(PARTS[:3]):
            return None
        colors = np.full((4, table.rows), 255, np.uint8)
        for number, usage in enumerate(PARTS):
            if usage in there:
                colors[number] = _bytes(table, there[usage])
    return colors


def has_color_columns(raster: Raster, band: int) -> bool:
    """Tell whether a band has columns of colours."""
    with reading_table(raster, band) as table:
        return bool(_columns(table))


def has_other_columns(raster: Raster, band: int) -> bool:
    """Tell whether a band has other columns than colours."""
    with reading_table(raster, band) as table:
        return any(column.usage not in PARTS for column in table.columns)


def _bytes(table: Table, column: Column) -> NDArray[np.uint8]:
    values = table.read(column.name)
    # reals go from 0 to 1
    parts = np.rint(values * 255) if column.type is ColumnType.Real else values
    made: NDArray[np.uint8] = np.nan_to_num(parts).clip(0, 255).astype(np.uint8)
    return made


def _columns(table: Table) -> dict[ColumnUsage, Column]:
    """Return the first column of each part that has numbers."""
    numbers = (ColumnType.Integer, ColumnType.Real)
    found = [c for c in table.columns if c.usage in PARTS and c.type in numbers]
    return {column.usage: column for column in reversed(found)}
