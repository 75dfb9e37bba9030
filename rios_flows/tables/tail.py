"""New columns of an HFA file, whose data go behind its end as they come.

Readers see the old table until one pointer of the file changes; see formats/hfacolumns. A kill
leaves the old table, and a file with a longer end.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import FileIO
from typing import NamedTuple

import numpy as np

from rios_flows import rioserrors
from rios_flows.basics.diskroom import allocate
from rios_flows.files.changelock import one_change
from rios_flows.formats import hfacolumns, hfatree
from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage
from rios_flows.tables.handles import AnyHandle, RatHandle
from rios_flows.tables.written import Written, put

logger = logging.getLogger(__name__)

_KINDS = {
    ColumnType.Integer: hfacolumns.INTEGER,
    ColumnType.Real: hfacolumns.REAL,
    ColumnType.String: hfacolumns.STRING,
}
#: Bytes of a number. How long text is will be known at the end.
_SIZES = {ColumnType.Integer: 4, ColumnType.Real: 8}

_PAGE = 4096

#: Bytes of text that are held at a time.
_PIECE = 2**24


class NoRoomError(rioserrors.ImageWriteError):
    """A file cannot have as many bytes."""


def reserved(handle: AnyHandle, rows: int, wanted: Sequence[Column]) -> Tail | None:
    """Make room in the file of an output for what columns are new; None if it has to wait."""
    # HFA has numbers in this order
    if not isinstance(handle, RatHandle) or sys.byteorder != "little":
        return None
    try:
        with one_change(handle.filename):
            return _reserved(handle, rows, wanted)
    except NoRoomError:
        raise
    except (OSError, rioserrors.RiosError) as error:
        # whoever writes it at the end will tell
        logger.debug("%r is written at the end: %s", handle, error)
        return None


def _reserved(handle: RatHandle, rows: int, wanted: Sequence[Column]) -> Tail | None:
    with open(handle.filename, "rb") as found:
        if hfacolumns.table_of(found, handle.layernum) is None:
            return None
    now = _table_now(handle, wanted)
    if not now.new or rows > now.rows:
        return None
    file = FileIO(handle.filename, "r+")
    try:
        return Tail(handle, file, now.rows, now.new)
    except BaseException:
        file.close()
        raise


class _Now(NamedTuple):
    """What there is in a table, and which columns are new and as plain as they are wanted."""

    columns: list[Column]
    rows: int
    new: list[Column]


def _table_now(handle: RatHandle, wanted: Sequence[Column]) -> _Now:
    with handle.reading() as table:
        new = [
            column
            for column, planned in zip(wanted, table.all_planned(wanted), strict=True)
            if planned == column
            and column.name not in table.names
            and column.type in _KINDS
            and column.usage is ColumnUsage.Generic
        ]
        # it gets longer where it has too few rows
        return _Now(table.columns, table.rows, new if table.rows >= table.least_rows else [])


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
        self._mark = os.urandom(16)
        self._end = place + len(self._mark) if self.parts else self._before
        if self._end > hfacolumns.LARGEST:
            raise OSError("its format has no place for more than 2 GiB")
        # what others add from now on goes behind it
        self._lengthen()

    def _lengthen(self) -> None:
        try:
            allocate(self._file.fileno(), self._before, self._end - self._before)
            self._file.truncate(self._end)
            if self.parts:
                os.pwrite(self._file.fileno(), self._mark, self._end - len(self._mark))
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._before)
            needed = self._end - self._before
            raise NoRoomError(
                f"Unable to make room for {needed} bytes of new columns in {self._handle!r}: "
                f"{with_hint(error)}"
            ) from error

    @property
    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def add(self, wanted: Sequence[Column], written: Mapping[str, Written]) -> list[Column]:
        """Make new columns a part of the table, all or none; return the others.

        Nobody else changes the file meanwhile.
        """
        self._check()
        now = self._now(wanted)
        ready = [
            column
            for column in now.new
            if column.type is ColumnType.String or not written[column.name].is_apart
        ]
        if ready:
            try:
                self._add(now, ready, written)
            except OSError as error:
                names = "', '".join(column.name for column in ready)
                raise rioserrors.ImageWriteError(
                    f"Unable to make the columns '{names}' of {self._handle!r}, which has none of "
                    f"them: {with_hint(error)}"
                ) from error
            # nothing to give back
            self._end = -1
        return [column for column in wanted if column not in ready]

    def _check(self) -> None:
        """Raise if somebody has made the file shorter, be it only for a while."""
        place = self._end - len(self._mark)
        if self.parts and os.pread(self._file.fileno(), len(self._mark), place) != self._mark:
            raise rioserrors.ImageWriteError(
                f"The file of {self._handle!r} was written anew while the function ran, and what "
                "it had returned is lost; call ratapplier.apply again"
            )

    def _now(self, wanted: Sequence[Column]) -> _Now:
        with suppress(OSError, rioserrors.RiosError):
            mine, named = os.fstat(self._file.fileno()), os.stat(self._handle.filename)
            now = _table_now(self._handle, wanted)
            if os.path.samestat(mine, named) and now.rows == self._rows:
                return now
        return _Now([], 0, [])

    def _add(self, now: _Now, ready: Sequence[Column], written: Mapping[str, Written]) -> None:
        table = hfacolumns.table_of(self._file, self._handle.layernum)
        if table is None or table.rows != now.rows or len(table.columns) != len(now.columns):
            raise OSError("its table is not what GDAL reads")
        before = self._size
        try:
            new = [self._told(column, written[column.name]) for column in ready]
            hfacolumns.add_columns(self._file, table, new)
            with self._handle.reading() as made:
                kept = (made.columns, made.rows) == ([*now.columns, *ready], now.rows)
            if not kept:
                raise OSError("GDAL does not read them as they were written")
        except BaseException:
            hfatree.write_pointer(self._file, table.link, 0)
            self._file.truncate(before)
            raise

    def _told(self, column: Column, written: Written) -> hfacolumns.NewColumn:
        kind = _KINDS[column.type]
        if column.type is not ColumnType.String:
            return hfacolumns.NewColumn(column.name, kind, self.parts[column.name].begin)
        # with the zero that ends the longest
        width = max(written.width + 1, hfacolumns.LEAST)
        place = self._size
        if place + width * self._rows > hfacolumns.LARGEST:
            raise OSError("its format has no place for more than 2 GiB")
        part = Part(self._file, place)
        for cells in written.blocks():
            for start in range(0, len(cells), step := max(_PIECE // width, 1)):
                put(part, np.array(cells[start : start + step], dtype=f"S{width}"))
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
