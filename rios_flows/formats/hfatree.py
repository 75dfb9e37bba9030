"""The tree of an HFA file: small records that point at each other.

GDAL replaces statistics, but never removes them. Like GDAL, this module drops a record by setting
the pointers past it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from rios_flows import rioserrors

#: First bytes of every HFA file.
MAGIC = b"EHFA_HEADER_TAG\0"

#: Records of a band that hold statistics and nothing else.
RECORDS = ("Statistics", "StatisticsParameters", "HistogramParameters")

#: Start of the names of columns that hold statistics, by the table that they are in.
COLUMNS = {"GDAL_MetaData": "STATISTICS_", "Descriptor_Table": "Histogram"}

# pointers to the next and previous record, the parent and the first child; of data; then the name
HEAD = struct.Struct("<6I64s32s")
_POINTER = struct.Struct("<I")
NEXT, _PREVIOUS, CHILD = 0, 4, 12


class Record(NamedTuple):
    """One record: where it is, and the positions (bytes) of others."""

    place: int
    next: int
    previous: int
    parent: int
    child: int
    data: int
    name: str
    kind: str


def drop_statistics(path: str) -> None:
    """Remove all statistics and histograms from a closed file, or raise ImageWriteError."""
    try:
        with open(path, "r+b") as file:
            for band in bands(file):
                _drop_of_band(file, band)
    except (OSError, struct.error) as error:
        raise rioserrors.ImageWriteError(f"Unable to change '{path}': {error}") from error


def bands(file: BinaryIO) -> Iterator[Record]:
    """Give the records of all bands, in order, or raise struct.error."""
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise struct.error("it is no HFA file")
    # of the header: version, list of free records, and then the root
    root = pointer(file, pointer(file, len(MAGIC)) + 8)
    for record in children(file, root):
        if record.kind == "Eimg_Layer":
            yield record


def _drop_of_band(file: BinaryIO, band: Record) -> None:
    # each drop changes the pointers of its neighbours, so read them again
    while found := next(_statistics(file, band), None):
        if found.previous:
            write_pointer(file, found.previous + NEXT, found.next)
        else:
            write_pointer(file, found.parent + CHILD, found.next)
        if found.next:
            write_pointer(file, found.next + _PREVIOUS, found.previous)


def _statistics(file: BinaryIO, band: Record) -> Iterator[Record]:
    for record in children(file, band.place):
        if record.name in RECORDS:
            yield record
        elif record.name in COLUMNS:
            columns = [item for item in children(file, record.place) if item.kind == "Edsc_Column"]
            ours = [item for item in columns if item.name.startswith(COLUMNS[record.name])]
            # a table of nothing else would be taken for an attribute table without columns
            yield from ours if len(ours) < len(columns) else [record]


def children(file: BinaryIO, parent: int) -> Iterator[Record]:
    """Give the records below one, by its place."""
    place = pointer(file, parent + CHILD)
    while place:
        file.seek(place)
        after, before, above, below, data, _, name, kind = HEAD.unpack(file.read(HEAD.size))
        yield Record(place, after, before, above, below, data, _text(name), _text(kind))
        place = after


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("latin-1")


def pointer(file: BinaryIO, place: int) -> int:
    """Return the number at a place, which is the place of something else."""
    file.seek(place)
    number: int = _POINTER.unpack(file.read(_POINTER.size))[0]
    return number


def write_pointer(file: BinaryIO, place: int, value: int) -> None:
    """Make the number at a place another one."""
    file.seek(place)
    file.write(_POINTER.pack(value))
