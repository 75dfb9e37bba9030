"""Columns of an output, kept out of its table until the function has seen every row."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.files.cells import cells_of, type_of
from rios_flows.files.changelock import one_change
from rios_flows.gdal.tabletypes import Column, ColumnUsage
from rios_flows.tables.blocks import OutputColumns
from rios_flows.tables.handles import AnyHandle
from rios_flows.tables.tail import Tail, reserved
from rios_flows.tables.written import Written

logger = logging.getLogger(__name__)


class Names:
    """The columns that a function sets in each block of an output."""

    def __init__(self, output: str, *, may_be_none: bool = False) -> None:
        self._output, self._may_be_none = output, may_be_none
        self._before: frozenset[str] | None = None

    def check(self, found: Collection[str]) -> None:
        """Raise if a block has other columns than those before it, which would be moved up."""
        if not found and self._may_be_none:
            return
        before = self._before
        if before is not None and before != set(found):
            raise rioserrors.AttributeTableColumnError(
                f"output '{self._output}' has the columns {_listed(found)}, and had "
                f"{_listed(before)} in the blocks before; set the same ones"
            )
        self._before = frozenset(found)


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def one_length(output: str, lengths: dict[str, int]) -> int:
    """Return how many rows all columns of a block have, or raise."""
    if len(set(lengths.values())) > 1:
        raise rioserrors.RatBlockLengthError(
            f"the columns of output '{output}' differ in length: {lengths}"
        )
    return max(lengths.values(), default=0)


@contextmanager
def column_told(name: str, output: str) -> Iterator[None]:
    """Name the column in what is raised."""
    try:
        yield
    except rioserrors.RiosError as error:
        raise type(error)(f"column '{name}' of output '{output}': {error}") from None


def check_rows(output: str, rows: int, wanted: int) -> None:
    """Raise if an output is given more rows than it gets."""
    if rows > wanted:
        raise rioserrors.RatMismatchError(
            f"Output '{output}' was given {rows} rows, and gets {wanted}; call "
            "controls.outputRowCountHandling(ratapplier.RCM_INCREMENT) for as many as are written"
        )


def tell_short(output: str, rows: int, wanted: int) -> None:
    """Warn if an output was given fewer rows than the inputs have: by mistake, all would move."""
    if 0 < rows < wanted:
        logger.warning(
            "Output '%s' was given %d rows of %d: they follow one another from row 0 on, and the "
            "rest gets 0 or empty text",
            *(output, rows, wanted),
        )


class Spool:
    """All columns of one output, so far.

    New columns of an HFA file go into it, where nobody sees them yet, if it is known how many rows
    the output gets; everything else goes into temporary files.
    """

    def __init__(self, name: str, handle: AnyHandle, rows: int | None = None) -> None:
        self.name, self.handle = name, handle
        self.usages: dict[str, ColumnUsage] = {}
        self.rows = 0
        #: What has changed for good if the function fails now.
        self.changed: str | None = None
        self._gets = rows
        # nothing adds no row, where it is not known how many there will be
        self._names = Names(name, may_be_none=rows is None)
        # by name, what has no value, and from a list no type
        self._empty: dict[str, NDArray[Any]] = {}
        self._columns: dict[str, Written] = {}
        self._tail: Tail | None = None

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def column_names(self) -> list[str]:
        """The columns, by the user's names."""
        return list(self._columns or self._empty)

    def add(self, block: OutputColumns) -> None:
        """Add the columns of a block, which must be those of the block before."""
        found = vars(block)
        self._names.check(found)
        cells = {name: self._cells(name, values) for name, values in found.items()}
        length = one_length(self.name, {name: len(values) for name, values in cells.items()})
        if self._gets is not None:
            check_rows(self.name, self.rows + length, self._gets)
        if not length:
            self._empty.update(cells)
            return
        if not self._columns:
            self._begin(cells)
        for name, values in cells.items():
            with column_told(name, self.name):
                self._columns[name].add(values)
        self.rows += length

    def _cells(self, name: str, values: Any) -> NDArray[Any]:
        with column_told(name, self.name):
            return cells_of(values)

    def _begin(self, cells: dict[str, NDArray[Any]]) -> None:
        wanted = []
        for name, values in cells.items():
            with column_told(name, self.name):
                usage = self.usages.get(name, ColumnUsage.Generic)
                wanted.append(Column(name, type_of(values), usage))
        if self._gets is not None:
            self._tail = reserved(self.handle, self._gets, wanted)
        parts = self._tail.parts if self._tail else {}
        self._columns = {name: Written(parts.get(name)) for name in cells}

    def check(self) -> None:
        """Raise if the table cannot hold the columns, before any table changes."""
        if not self._columns and self._empty:
            self._begin(self._empty)
            for name, values in self._empty.items():
                self._columns[name].add(values)
        if not self._columns or not self.handle.exists():
            return
        with self.handle.reading() as table:
            wanted = self._wanted
            for column, there in zip(wanted, table.all_planned(wanted), strict=True):
                if table.may_refuse(there, column.type):
                    for cells in self._columns[column.name].blocks():
                        table.fitted(there, cells)

    def pour(self, rows: int) -> None:
        """Write all columns into the table, which gets at least some number of rows."""
        if not self._columns:
            return
        if self._tail is None:
            self._copy(self._wanted, rows)
            return
        with one_change(self.handle.filename):
            self._copy(self._tail.add(self._wanted, self._columns), rows)

    def _copy(self, columns: Sequence[Column], rows: int) -> None:
        if not columns:
            return
        with self.handle.changing() as table:
            table.set_rows(max(rows, table.rows, table.least_rows))
            for column in columns:
                made, start = table.need(column, clear=False), 0
                for cells in self._columns[column.name].blocks():
                    table.write(made.name, cells, start)
                    start += len(cells)
                table.clear(made.name, start)

    @property
    def _wanted(self) -> list[Column]:
        return [
            Column(name, column.type, self.usages.get(name, ColumnUsage.Generic))
            for name, column in self._columns.items()
        ]

    def close(self) -> None:
        """Remove what was kept."""
        for column in self._columns.values():
            column.close()
        if self._tail is not None:
            self._tail.close()
            self._tail = None
