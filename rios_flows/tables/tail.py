"""New columns of an HFA file, whose data go behind its end as they come.

Readers see the old table until one pointer of the file changes; see formats/hfacolumns. A kill
leaves the old table, and a file with a longer end.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import FileIO

import numpy as np

from rios_flows import rioserrors
from rios_flows.files.changelock import one_change
from rios_flows.formats import hfacolumns, hfatree
from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage
from rios_flows.tables.handles import AnyHandle, RatHandle
from rios_flows.tables.written import Written

logger = logging.getLogger(__name__)

_KINDS = {
    ColumnType.Integer: hfacolumns.INTEGER,
    ColumnType.Real: hfacolumns.REAL,
    ColumnType.String: hfacolumns.STRING,
}
#: Bytes of a number. How long text is will be known at the end.
_SIZES = {ColumnType.Integer: 4, ColumnType.Real: 8}

_PAGE = 4096
#: Bytes that GDAL itself gives text at least.
_LEAST = 10


def reserved(handle: AnyHandle, rows: int, wanted: Sequence[Column]) -> Tail | None:
    """Make room in the file of an output for what columns are new; None if it has to wait."""
    if not isinstance(handle, RatHandle):
        return None
    try:
        with one_change(handle.filename):
            return _reserved(handle, rows, wanted)
    except (OSError, rioserrors.RiosError) as error:
        # whoever writes it at the end will tell
        logger.debug("%r is written at the end: %s", handle, error)
        return None


def _reserved(handle: RatHandle, rows: int, wanted: Sequence[Column]) -> Tail | None:
    with open(handle.filename, "rb") as file:
        if hfacolumns.table_of(file, handle.layernum) is None:
            return None
    new, there = _new(handle, wanted)
    if not new or rows > there:
        return None
    file = FileIO(handle.filename, "r+")
    try:
        return Tail(handle, file, there, new)
    except BaseException:
        file.close()
        raise


def _new(handle: RatHandle, wanted: Sequence[Column]) -> tuple[list[Column], int]:
    """Return which columns are new and as plain as they are wanted, and how many rows there are."""
    with handle.reading() as table:
        new = [
            column
            for column, planned in zip(wanted, table.all_planned(wanted), strict=True)
            if planned == column
            and column.name not in table.names
            and column.type in _KINDS
            and column.usage is ColumnUsage.Generic
        ]
        return new, table.rows if table.rows >= table.least_rows else -1


class Tail:
    """Room behind the end of an HFA file; give it back with ``close``."""

    def __init__(self, handle: RatHandle, file: FileIO, rows: int, columns: Sequence[Column]):
        self._handle, self._file, self._rows = handle, file, rows
        self._before = self._size
        place = -(-self._before // _PAGE) * _PAGE
        #: Where each column of numbers goes, by its name.
        self.parts: dict[str, Part] = {}
        for column in columns:
            if column.type in _SIZES:
                self.parts[column.name] = Part(file, place)
                place += _SIZES[column.type] * rows
        self._end = place if self.parts else self._before
        if self._end > hfacolumns.LARGEST:
            raise OSError("its format has no place for more than 2 GiB")
        if self.parts:
            # what others add from now on goes behind it
            file.truncate(self._end)

    @property
    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def ready(self, wanted: Sequence[Column], written: Mapping[str, Written]) -> list[Column]:
        """Return the columns that :meth:`add` can make a part of the table as it is now."""
        with suppress(OSError, rioserrors.RiosError):
            mine, named = os.fstat(self._file.fileno()), os.stat(self._handle.filename)
            new, rows = _new(self._handle, wanted)
            if os.path.samestat(mine, named) and mine.st_size >= self._end and rows == self._rows:
                return [
                    column
                    for column in new
                    if column.type is ColumnType.String or not written[column.name].is_apart
                ]
        return []

    def add(self, columns: Sequence[Column], written: Mapping[str, Written]) -> None:
        """Make columns a part of the table, all or none; nobody else changes the file meanwhile."""
        before = self._size
        try:
            self._add(columns, written)
        except BaseException as error:
            self._file.truncate(before)
            if not isinstance(error, OSError):
                raise
            names = "', '".join(column.name for column in columns)
            raise rioserrors.ImageWriteError(
                f"Unable to make the columns '{names}' of {self._handle!r}, which has none of "
                f"them: {with_hint(error)}"
            ) from error
        # nothing to give back
        self._end = -1

    def _add(self, columns: Sequence[Column], written: Mapping[str, Written]) -> None:
        table = hfacolumns.table_of(self._file, self._handle.layernum)
        if table is None or table.rows != self._rows:
            raise OSError("its table has changed")
        new = [self._told(column, written[column.name]) for column in columns]
        with self._handle.reading() as old:
            wanted = [*old.columns, *columns]
        link = hfacolumns.add_columns(self._file, table, new)
        with self._handle.reading() as now:
            kept = (now.columns, now.rows) == (wanted, self._rows)
        if not kept:
            hfatree.write_pointer(self._file, link, 0)
            raise OSError("GDAL does not read them as they were written")

    def _told(self, column: Column, written: Written) -> hfacolumns.NewColumn:
        kind = _KINDS[column.type]
        if column.type is not ColumnType.String:
            return hfacolumns.NewColumn(column.name, kind, self.parts[column.name].begin)
        # with the zero that ends the longest
        width = max(written.width + 1, _LEAST)
        place = self._size
        if place + width * self._rows > hfacolumns.LARGEST:
            raise OSError("its format has no place for more than 2 GiB")
        part = Part(self._file, place)
        for cells in written.blocks():
            rest = memoryview(cells.astype(f"S{width}").view(np.uint8))
            while rest:
                rest = rest[part.write(rest) :]
        self._file.truncate(place + width * self._rows)
        return hfacolumns.NewColumn(column.name, kind, place, width)

    def close(self) -> None:
        """Give back the room, unless it is in use or others have added something behind it."""
        with suppress(OSError, rioserrors.RiosError), one_change(self._handle.filename):
            if self._size == self._end:
                self._file.truncate(self._before)
        self._file.close()


class Part:
    """A part of a file, which is read and written from its beginning on."""

    def __init__(self, file: FileIO, begin: int) -> None:
        self.begin = self._place = begin
        self._file = file

    def write(self, data: memoryview, /) -> int:
        """Write bytes, and return how many there was room for."""
        done = os.pwrite(self._file.fileno(), data, self._place)
        self._place += done
        return done

    def seek(self, place: int, /) -> int:
        """Go to a place."""
        self._place = self.begin + place
        return place

    def readinto(self, data: memoryview, /) -> int:
        """Read bytes, and return how many."""
        done = os.preadv(self._file.fileno(), [data], self._place)
        self._place += done
        return done

    def close(self) -> None:
        """Leave the file open for the others."""
