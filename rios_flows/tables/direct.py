"""Columns of an output, written into the table block by block."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Any

from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.files.attributes import Table
from rios_flows.files.cells import cells_of, type_of
from rios_flows.files.changelock import no_other_change
from rios_flows.gdal.tabletypes import Column, ColumnUsage
from rios_flows.tables.blocks import OutputColumns
from rios_flows.tables.handles import AnyHandle, RatZarrHandle
from rios_flows.tables.spool import Names, check_rows, column_told, one_length

logger = logging.getLogger(__name__)


class Direct:
    """An output, open for changes from its first block on."""

    def __init__(self, name: str, handle: AnyHandle, wanted: int) -> None:
        self.name, self.handle, self.wanted = name, handle, wanted
        self.usages: dict[str, ColumnUsage] = {}
        self.rows = 0
        # how far values were given to the table, which a failure may have left in part
        self._reached = 0
        self._names = Names(name)
        self._empty: dict[str, NDArray[Any]] = {}
        # by the user's names
        self._columns: dict[str, Column] = {}
        self._new: list[str] = []
        self._table: Table | None = None
        self._open = ExitStack()

    def __enter__(self) -> Direct:
        return self

    def __exit__(self, kind: Any, *error: Any) -> None:
        if kind and self.changed and self._table:
            for name in self._new:
                try:
                    self._table.clear(name, self.rows)
                except rioserrors.ImageWriteError as failure:
                    # the error that ends it is the one to tell
                    logger.warning("What is left of a new column: %s", failure)
        # a side-car file is not written after an error
        self._open.__exit__(kind, *error)

    @property
    def changed(self) -> str | None:
        """What has changed for good if the function fails now."""
        if self._table is None:
            return None
        if not (self._table.rat.is_in_file or isinstance(self.handle, RatZarrHandle)):
            # a side-car file is written at the end
            return None
        rows = f"Rows 0 to {self._reached - 1} of output '{self.name}' are new"
        doubt = f", those from {self.rows} on perhaps in part" if self._reached > self.rows else ""
        return f"{rows}{doubt}, by setWriteAtOnce."

    @property
    def column_names(self) -> list[str]:
        """The columns, by the user's names."""
        return list(self._columns or self._empty)

    def add(self, block: OutputColumns) -> None:
        """Write the columns of a block, which must be those of the block before."""
        found = vars(block)
        self._names.check(found)
        cells = {name: self._cells(name, values) for name, values in found.items()}
        length = one_length(self.name, {name: len(values) for name, values in cells.items()})
        check_rows(self.name, self.rows + length, self.wanted)
        if not length:
            self._empty.update(cells)
            return
        table = self._table or self._begun(cells)
        fitted = {name: table.fitted(self._columns[name], values) for name, values in cells.items()}
        self._reached = self.rows + length
        for name, values in fitted.items():
            table.store(self._columns[name].name, values, self.rows)
        self.rows += length

    def _cells(self, name: str, values: Any) -> NDArray[Any]:
        with column_told(name, self.name):
            return cells_of(values)

    def _begun(self, cells: dict[str, NDArray[Any]]) -> Table:
        """Open the table, and make its columns."""
        wanted = []
        for name, values in cells.items():
            with column_told(name, self.name):
                usage = self.usages.get(name, ColumnUsage.Generic)
                wanted.append(Column(name, type_of(values), usage))
        table = self._open.enter_context(self.handle.changing())
        self._open.enter_context(no_other_change(self.handle.filename))
        # all are looked at before the first is made
        for column, planned in zip(wanted, table.all_planned(wanted), strict=True):
            table.fitted(planned, cells[column.name])
        self._table = table
        table.set_rows(max(self.wanted, table.rows, table.least_rows))
        for column in wanted:
            before = table.names
            made = table.need(column, clear=False)
            self._columns[column.name] = made
            if made.name not in before:
                self._new.append(made.name)
        return table

    def check(self) -> None:
        """Make columns that got no value; each block has been looked at."""
        if self._table is None and self._empty:
            self._begun(self._empty)

    def pour(self, rows: int) -> None:
        """Write what rows after the last one hold, and close the table."""
        if self._table is not None:
            for column in self._columns.values():
                self._table.clear(column.name, self.rows)
        self._table = None
        self._open.close()
