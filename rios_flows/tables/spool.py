"""Columns of an output, kept in a temporary file until the function has seen every row."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import FileIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.files.cells import cells_of, typed
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage
from rios_flows.tables.blocks import OutputColumns
from rios_flows.tables.handles import AnyHandle


def check_names(output: str, rows: int, found: Collection[str], before: Collection[str]) -> None:
    """Raise if a block has other columns than those before it."""
    if rows and set(found) != set(before):
        raise rioserrors.AttributeTableColumnError(
            f"output '{output}' has the columns {', '.join(found) or 'none'}, and had "
            f"{', '.join(before) or 'none'} in the blocks before; set the same ones"
        )


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


class Spool:
    """All columns of one output, so far."""

    def __init__(self, name: str, handle: AnyHandle) -> None:
        self.name, self.handle = name, handle
        self.usages: dict[str, ColumnUsage] = {}
        self.rows = 0
        #: What has changed for good if the function fails now.
        self.changed: str | None = None
        self._columns: dict[str, _Written] = {}

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def add(self, block: OutputColumns) -> None:
        """Add the columns of a block, which must be those of the block before."""
        found = vars(block)
        check_names(self.name, self.rows, found, self._columns)
        lengths = {name: len(self._add(name, values)) for name, values in found.items()}
        self.rows += one_length(self.name, lengths)

    def _add(self, name: str, values: Any) -> NDArray[Any]:
        with column_told(name, self.name):
            cells = cells_of(values)
            if name not in self._columns:
                self._columns[name] = _Written()
            self._columns[name].add(cells)
        return cells

    def check(self) -> None:
        """Raise if the table cannot hold the columns, before any table changes."""
        if not self._columns or not self.handle.exists():
            return
        with self.handle.reading() as table:
            for column in self._wanted:
                there = table.planned(column)
                if there.type is not column.type:
                    for cells in self._columns[column.name].blocks():
                        table.fitted(there, cells)

    def pour(self, rows: int) -> None:
        """Write all columns into the table, which gets at least some number of rows."""
        if not self._columns:
            return
        with self.handle.changing() as table:
            table.set_rows(max(rows, table.rows, table.least_rows))
            for column in self._wanted:
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
        """Remove the temporary files."""
        for column in self._columns.values():
            column.close()


class _Written:
    """The blocks of one column."""

    def __init__(self) -> None:
        self.type = ColumnType.Integer
        # closed with the spool; numpy's own files would be written through a copy
        self._file: FileIO = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._blocks: list[tuple[np.dtype[Any], int]] = []

    def add(self, cells: NDArray[Any]) -> None:
        kind, kept = typed(cells)
        if not cells.size and cells.dtype.kind == "f":
            # an empty list has no type of its own
            kind = self.type
        if self._blocks and kind is not self.type and max(kind, self.type) > ColumnType.Real:
            raise rioserrors.AttributeTableTypeError(
                f"it is {kind.name} now, and was {self.type.name} in the blocks before"
            )
        self.type = max(kind, self.type)
        values = np.ascontiguousarray(kept, np.bytes_ if isinstance(kept, list) else None)
        self._blocks.append((values.dtype, len(values)))
        rest = _bytes_of(values)
        while rest:
            rest = rest[self._file.write(rest) :]

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Give all blocks, from the first one on."""
        self._file.seek(0)
        for dtype, length in self._blocks:
            cells = np.empty(length, dtype)
            self._fill(cells)
            yield cells

    def _fill(self, cells: NDArray[Any]) -> None:
        rest = _bytes_of(cells)
        while rest:
            read = self._file.readinto(rest)
            if not read:
                raise OSError("a temporary file has lost its end")
            rest = rest[read:]

    def close(self) -> None:
        self._file.close()


def _bytes_of(values: NDArray[Any]) -> memoryview:
    # memoryview knows no dates
    raw: Any = values.view(np.uint8) if values.nbytes else b""
    return memoryview(raw)
