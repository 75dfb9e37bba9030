"""New columns of attribute tables in HFA files, whose data are in the file already.

GDAL cannot write a column before readers see it. Here the records of new columns are written
behind the end of the file, and one pointer then makes all of them a part of the table.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import FileIO
from typing import BinaryIO, NamedTuple

from rios_flows.formats import hfatree
from rios_flows.formats.hfatree import CHILD, HEAD, MAGIC, NEXT, Record

#: GDAL takes places in a file as numbers of 31 bits.
LARGEST = 2**31 - 1

#: Bytes that GDAL itself gives a text at least.
LEAST = 10

#: Types of columns, by HFA's numbers.
INTEGER, REAL, STRING = 0, 1, 3

_TABLE, _COLUMN = "Edsc_Table", "Edsc_Column"

#: What a record of a column holds, in the words of the file's own dictionary...
_FIELDS = (
    b"{1:lnumRows,1:LcolumnDataPtr,1:e4:integer,real,complex,string,dataType,"
    b"1:lmaxNumChars,}Edsc_Column,"
)
#: ...and in those of Python.
_DATA = struct.Struct("<IIHI")

#: Of the header: version, list of free records, root, length of a record, and the dictionary.
_HEADER = struct.Struct("<IIIHI")


class Table(NamedTuple):
    """The table of a band."""

    place: int  # of its record
    rows: int
    columns: list[Record]
    last: int  # place of the last record below it, 0 without one

    @property
    def link(self) -> int:
        """Return where the number is that makes new columns a part of it; it is 0 so far."""
        return self.last + NEXT if self.last else self.place + CHILD


class NewColumn(NamedTuple):
    """A column whose data are in the file."""

    name: str
    kind: int
    place: int  # of its data
    width: int = 0  # bytes of a text


def table_of(file: BinaryIO, band: int) -> Table | None:
    """Return the table of a band, or None if there is none that can have columns added here."""
    try:
        record = list(hfatree.bands(file))[band - 1]
        tables = [
            item
            for item in hfatree.children(file, record.place)
            if item.name == "Descriptor_Table" and item.kind == _TABLE
        ]
        if not tables or not _has_usual_columns(file):
            return None
        below = list(hfatree.children(file, tables[0].place))
        rows = hfatree.pointer(file, tables[0].data)
    except (IndexError, struct.error):
        return None
    columns = [item for item in below if item.kind == _COLUMN]
    return Table(tables[0].place, rows, columns, below[-1].place if below else 0)


class Room:
    """How much longer the file of a table may get, and how many bytes its texts have."""

    def __init__(self, path: str, band: int) -> None:
        with open(path, "rb") as file:
            self.left = LARGEST - file.seek(0, 2)
            table = table_of(file, band)
            self.widths = _widths(file, table.columns) if table else {}

    def take(self, nbytes: int) -> None:
        """Take some of it, or raise OSError."""
        if nbytes > self.left:
            raise OSError(
                f"its format has no place for more than 2 GiB, of which {max(self.left, 0)} bytes "
                f"are left, and {nbytes} are needed; a Zarr store or a GTiff has"
            )
        self.left -= nbytes

    def widen(self, name: str, width: int, rows: int) -> None:
        """Take what GDAL needs to write all of a text column anew, if it is too narrow."""
        if width > self.widths.get(name, LEAST):
            self.take(width * rows)
            self.widths[name] = width


def _widths(file: BinaryIO, columns: Sequence[Record]) -> dict[str, int]:
    found = {}
    for record in columns:
        file.seek(record.data)
        kind, width = _DATA.unpack(file.read(_DATA.size))[2:]
        if kind == STRING:
            found[record.name.encode("latin-1").decode(errors="replace")] = width
    return found


def _has_usual_columns(file: BinaryIO) -> bool:
    header = _header(file)
    if header[3] < HEAD.size:
        return False
    file.seek(header[4])
    text = file.read(2**16).split(b"\0")[0]
    return _FIELDS in text


def _header(file: BinaryIO) -> tuple[int, ...]:
    file.seek(hfatree.pointer(file, len(MAGIC)))
    return _HEADER.unpack(file.read(_HEADER.size))


def add_columns(file: FileIO, table: Table, columns: Sequence[NewColumn]) -> None:
    """Add columns to a table, all of them or none; the file has no buffer."""
    length = _header(file)[3]
    begin = file.seek(0, 2)
    size = length + _DATA.size
    places = [begin + size * number for number in range(len(columns))]
    if places[-1] + size > LARGEST:
        raise OSError("its format has no place for more than 2 GiB")
    records = []
    for number, column in enumerate(columns):
        after = places[number + 1] if number + 1 < len(columns) else 0
        before = places[number - 1] if number else table.last
        head = HEAD.pack(
            *(after, before, table.place, 0, places[number] + length, _DATA.size),
            *(column.name.encode(), _COLUMN.encode()),
        )
        data = _DATA.pack(table.rows, column.place, column.kind, column.width)
        records.append(head.ljust(length, b"\0") + data)
    rest = memoryview(b"".join(records))
    while rest:
        rest = rest[file.write(rest) :]
    hfatree.write_pointer(file, table.link, places[0])
