"""Attribute tables by GDAL's C interface; rasterio has none for them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows.gdal.private import GDAL

_HANDLE, _INT, _NAME = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p


def _declare(name: str, result: Any, *arguments: Any) -> None:
    function = getattr(GDAL, name)
    function.restype, function.argtypes = result, arguments


_declare("GDALGetRasterBand", _HANDLE, _HANDLE, _INT)
_declare("GDALGetDefaultRAT", _HANDLE, _HANDLE)
_declare("GDALSetDefaultRAT", _INT, _HANDLE, _HANDLE)
_declare("GDALCreateRasterAttributeTable", _HANDLE)
_declare("GDALDestroyRasterAttributeTable", None, _HANDLE)
_declare("GDALRATClone", _HANDLE, _HANDLE)
_declare("GDALRATChangesAreWrittenToFile", _INT, _HANDLE)
_declare("GDALRATGetColumnCount", _INT, _HANDLE)
_declare("GDALRATGetNameOfCol", _NAME, _HANDLE, _INT)
_declare("GDALRATGetTypeOfCol", _INT, _HANDLE, _INT)
_declare("GDALRATGetUsageOfCol", _INT, _HANDLE, _INT)
_declare("GDALRATGetRowCount", _INT, _HANDLE)
_declare("GDALRATSetRowCount", None, _HANDLE, _INT)
_declare("GDALRATCreateColumn", _INT, _HANDLE, _NAME, _INT, _INT)
for _type in ("Integer", "Double", "String"):
    _declare(f"GDALRATValuesIOAs{_type}", _INT, _HANDLE, _INT, _INT, _INT, _INT, _HANDLE)
_declare("CSLDestroy", None, _HANDLE)
_declare("VSICalloc", _HANDLE, *[ctypes.c_size_t] * 2)

_READ, _WRITE = 0, 1

#: Bytes of a value in an array.
_SIZES = {"Integer": 4, "Double": 8, "String": ctypes.sizeof(_HANDLE)}


class ColumnType(IntEnum):
    """Types of columns, with GDAL's numbers (``gdal.GFT_Integer`` and so on)."""

    Integer = 0
    Real = 1
    String = 2


class ColumnUsage(IntEnum):
    """What a column is for, with GDAL's numbers (``gdal.GFU_Generic`` and so on)."""

    Generic = 0
    PixelCount = 1
    Name = 2
    Min = 3
    Max = 4
    MinMax = 5
    Red = 6
    Green = 7
    Blue = 8
    Alpha = 9
    RedMin = 10
    GreenMin = 11
    BlueMin = 12
    AlphaMin = 13
    RedMax = 14
    GreenMax = 15
    BlueMax = 16
    AlphaMax = 17


class Column(NamedTuple):
    """What a table knows of one column."""

    name: str
    type: ColumnType
    usage: ColumnUsage


class Rat:
    """A table that GDAL holds, by its handle; methods raise OSError where GDAL fails."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    @property
    def is_in_file(self) -> bool:
        """Whether changes go to the file at once."""
        return bool(GDAL.GDALRATChangesAreWrittenToFile(self.handle))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(GDAL.GDALRATGetRowCount(self.handle))

    def set_rows(self, rows: int) -> None:
        """Make it longer or shorter; new rows hold zeros and empty text."""
        GDAL.GDALRATSetRowCount(self.handle, rows)
        if self.rows != rows:
            raise OSError(f"its format keeps {self.rows} rows in place of {rows}")

    @property
    def columns(self) -> list[Column]:
        """Its columns, in order."""
        return [self._column(place) for place in range(GDAL.GDALRATGetColumnCount(self.handle))]

    def _column(self, place: int) -> Column:
        name = GDAL.GDALRATGetNameOfCol(self.handle, place) or b""
        return Column(
            name.decode(errors="replace"),
            ColumnType(GDAL.GDALRATGetTypeOfCol(self.handle, place)),
            ColumnUsage(GDAL.GDALRATGetUsageOfCol(self.handle, place)),
        )

    def create(self, column: Column) -> None:
        """Add a column."""
        failed = GDAL.GDALRATCreateColumn(self.handle, column.name.encode(), *column[1:])
        if failed:
            raise OSError(f"GDAL cannot make the column '{column.name}'")

    def read_integers(self, place: int, start: int, rows: int) -> NDArray[np.int64]:
        """Read integers."""
        values = np.empty(rows, np.int32)
        self._move("Integer", _READ, place, start, values)
        return values.astype(np.int64)

    def read_reals(self, place: int, start: int, rows: int) -> NDArray[np.float64]:
        """Read floats."""
        values = np.empty(rows, np.float64)
        self._move("Double", _READ, place, start, values)
        return values

    def read_texts(self, place: int, start: int, rows: int) -> list[bytes]:
        """Read text, as UTF-8."""
        # GDAL makes the strings, and one call frees them with their list
        names = GDAL.VSICalloc(rows + 1, ctypes.sizeof(_HANDLE))
        try:
            self._io("String", _READ, place, start, rows, names)
            return list((_NAME * rows).from_address(names))
        finally:
            GDAL.CSLDestroy(names)

    def write(self, place: int, start: int, values: NDArray[Any]) -> None:
        """Write integers of 32 bits or floats."""
        kind = "Integer" if values.dtype == np.int32 else "Double"
        self._move(kind, _WRITE, place, start, np.ascontiguousarray(values))

    def write_texts(self, place: int, start: int, texts: list[bytes]) -> None:
        """Write text in UTF-8."""
        names = (_NAME * len(texts))(*texts)
        self._io("String", _WRITE, place, start, len(texts), ctypes.addressof(names))

    def _move(self, kind: str, way: int, place: int, start: int, values: NDArray[Any]) -> None:
        self._io(kind, way, place, start, len(values), values.ctypes.data)

    def _io(self, kind: str, way: int, place: int, start: int, rows: int, data: int) -> None:
        # GDAL of some formats fails if asked for nothing
        if not rows:
            return
        if start and not self.is_in_file and _counts_from_first_row():
            data -= start * _SIZES[kind]
        move = getattr(GDAL, f"GDALRATValuesIOAs{kind}")
        if move(self.handle, way, place, start, rows, data):
            verb = "write" if way else "read"
            raise OSError(f"GDAL cannot {verb} rows {start} to {start + rows - 1}")


@cache
def _counts_from_first_row() -> bool:
    """Tell whether GDAL takes the values of row 1 from the second place of an array, not the first.

    It does so with tables in memory, at least up to version 3.10.
    """
    handle = GDAL.GDALCreateRasterAttributeTable()
    places = np.zeros(2)
    try:
        GDAL.GDALRATSetRowCount(handle, 2)
        GDAL.GDALRATCreateColumn(handle, b"probe", ColumnType.Real, ColumnUsage.Generic)
        move = GDAL.GDALRATValuesIOAsDouble
        ones = np.ones(2)
        move(handle, _WRITE, 0, 0, 2, ones.ctypes.data)
        move(handle, _READ, 0, 1, 1, places.ctypes.data)
    finally:
        GDAL.GDALDestroyRasterAttributeTable(handle)
    return bool(places[1])


def rat_of(dataset: int, band: int) -> Rat | None:
    """Return the table of a band of a dataset by its handle; None without one."""
    handle = GDAL.GDALGetDefaultRAT(GDAL.GDALGetRasterBand(dataset, band))
    return Rat(handle) if handle else None


@contextmanager
def copied(rat: Rat | None) -> Iterator[Rat]:
    """Give a copy of a table in memory, or an empty one."""
    handle = GDAL.GDALRATClone(rat.handle) if rat else GDAL.GDALCreateRasterAttributeTable()
    if not handle:
        raise OSError("GDAL cannot copy the table; is it too large for the memory?")
    try:
        yield Rat(handle)
    finally:
        GDAL.GDALDestroyRasterAttributeTable(handle)


def give(dataset: int, band: int, rat: Rat) -> None:
    """Give a band a table, which GDAL writes when the dataset is closed."""
    if GDAL.GDALSetDefaultRAT(GDAL.GDALGetRasterBand(dataset, band), rat.handle):
        raise OSError("GDAL cannot give it an attribute table")
