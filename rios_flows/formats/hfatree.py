"""Statistics in HFA files, which GDAL replaces but never removes.

An HFA file is a tree of small records that point at each other. Like GDAL, this module drops a
record by setting the pointers past it.
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
_HEAD = struct.Struct("<6I64s32s")
_POINTER = struct.Struct("<I")
_NEXT, _PREVIOUS, _CHILD = 0, 4, 12


class _Record(NamedTuple):
    """One record: where it is, and the positions (bytes) of others."""

    place: int
    next: int
    previous: int
    parent: int
    child: int
    name: str
    kind: str


def drop_statistics(path: str) -> None:
    """Remove all statistics and histograms from a closed file, or raise ImageWriteError."""
    try:
        with open(path, "r+b") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise struct.error("it is no HFA file")
            # of the header: version, list of free records, and then the root
            root = _pointer(file, _pointer(file, len(MAGIC)) + 8)
            for band in _children(file, root):
                if band.kind == "Eimg_Layer":
                    _drop_of_band(file, band)
    except (OSError, struct.error) as error:
        raise rioserrors.ImageWriteError(f"Unable to change '{path}': {error}") from error


def _drop_of_band(file: BinaryIO, band: _Record) -> None:
    # each drop changes the pointers of its neighbours, so read them again
    while found := next(_statistics(file, band), None):
        if found.previous:
            _write_pointer(file, found.previous + _NEXT, found.next)
        else:
            _write_pointer(file, found.parent + _CHILD, found.next)
        if found.next:
            _write_pointer(file, found.next + _PREVIOUS, found.previous)


def _statistics(file: BinaryIO, band: _Record) -> Iterator[_Record]:
    for record in _children(file, band.place):
        if record.name in RECORDS:
            yield record
        elif record.name in COLUMNS:
            columns = [item for item in _children(file, record.place) if item.kind == "Edsc_Column"]
            ours = [item for item in columns if item.name.startswith(COLUMNS[record.name])]
            # a table of nothing else would be taken for an attribute table without columns
            yield from ours if len(ours) < len(columns) else [record]


def _children(file: BinaryIO, parent: int) -> Iterator[_Record]:
    place = _pointer(file, parent + _CHILD)
    while place:
        file.seek(place)
        after, before, above, below, _, _, name, kind = _HEAD.unpack(file.read(_HEAD.size))
        yield _Record(place, after, before, above, below, _text(name), _text(kind))
        place = after


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("latin-1")


def _pointer(file: BinaryIO, place: int) -> int:
    file.seek(place)
    number: int = _POINTER.unpack(file.read(_POINTER.size))[0]
    return number


def _write_pointer(file: BinaryIO, place: int, value: int) -> None:
    file.seek(place)
    file.write(_POINTER.pack(value))
