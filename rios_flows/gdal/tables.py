"""Attribute tables by GDAL's C interface; rasterio has none for them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rios_flows.gdal.private import GDAL
from rios_flows.gdal.tabletypes import (
    DATES,
    RECORD,
    Binning,
    Column,
    ColumnType,
    ColumnUsage,
    dates_of,
    records_of,
)

_HANDLE, _INT, _NAME = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p


#: What functions of GDAL return and take.
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "GDALGetRasterBand": (_HANDLE, _HANDLE, _INT),
    "GDALGetDefaultRAT": (_HANDLE, _HANDLE),
    "GDALSetDefaultRAT": (_INT, _HANDLE, _HANDLE),
    "GDALCreateRasterAttributeTable": (_HANDLE,),
    "GDALDestroyRasterAttributeTable": (None, _HANDLE),
    "GDALRATClone": (_HANDLE, _HANDLE),
    "GDALRATChangesAreWrittenToFile": (_INT, _HANDLE),
    "GDALRATGetColumnCount": (_INT, _HANDLE),
    "GDALRATGetNameOfCol": (_NAME, _HANDLE, _INT),
    "GDALRATGetTypeOfCol": (_INT, _HANDLE, _INT),
    "GDALRATGetUsageOfCol": (_INT, _HANDLE, _INT),
    "GDALRATGetRowCount": (_INT, _HANDLE),
    "GDALRATSetRowCount": (None, _HANDLE, _INT),
    "GDALRATCreateColumn": (_INT, _HANDLE, _NAME, _INT, _INT),
    "GDALRATGetLinearBinning": (_INT, _HANDLE, _HANDLE, _HANDLE),
    "GDALRATSetLinearBinning": (_INT, _HANDLE, ctypes.c_double, ctypes.c_double),
    "GDALRATGetTableType": (_INT, _HANDLE),
    **{
        f"GDALRATValuesIOAs{kind}": (_INT, _HANDLE, _INT, _INT, _INT, _INT, _HANDLE)
        for kind in ("Integer", "Double", "String", "Boolean", "DateTime")
    },
    "CSLDestroy": (None, _HANDLE),
    "VSICalloc": (_HANDLE, *[ctypes.c_size_t] * 2),
}


def declare() -> None:
    """Tell ctypes about the functions."""
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(GDAL, name, None)
        if function is not None:
            function.restype, function.argtypes = result, arguments


declare()

#: Whether this GDAL has columns of booleans and dates: from version 3.12 on.
HAS_DATES = hasattr(GDAL, "GDALRATValuesIOAsDateTime")

#: Types that a new column can have.
TYPES = tuple(ColumnType)[: 5 if HAS_DATES else 3]

_READ, _WRITE = 0, 1

#: Bytes of a value in an array.
_SIZES = {
    **{"Integer": 4, "Double": 8, "String": ctypes.sizeof(_HANDLE)},
    **{"Boolean": 1, "DateTime": RECORD.itemsize},
}

#: GDAL's name of what is written, by numpy's kind of type.
_WRITTEN = {"i": "Integer", "f": "Double", "b": "Boolean", "V": "DateTime"}


class Rat:
    """A table that GDAL holds, by its handle; methods raise OSError where GDAL fails."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    @property
    def is_in_file(self) -> bool:
        """Whether changes go to the file at once."""
        return bool(GDAL.GDALRATChangesAreWrittenToFile(self.handle))

    @property
    def is_in_xml(self) -> bool:
        """Whether it becomes text of a side-car file."""
        return not self.is_in_file

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

    @property
    def binning(self) -> Binning | None:
        """Which pixel values its rows are for; None if it does not say so."""
        minimum, size = ctypes.c_double(), ctypes.c_double()
        known = GDAL.GDALRATGetLinearBinning(
            self.handle, ctypes.addressof(minimum), ctypes.addressof(size)
        )
        return Binning(minimum.value, size.value) if known else None

    def set_binning(self, binning: Binning) -> None:
        """Say which pixel values its rows are for."""
        if GDAL.GDALRATSetLinearBinning(self.handle, *binning):
            raise OSError("GDAL cannot say which pixel values its rows are for")

    @property
    def is_thematic(self) -> bool:
        """Whether pixel values are classes."""
        return not GDAL.GDALRATGetTableType(self.handle)

    def read_booleans(self, place: int, start: int, rows: int) -> NDArray[np.bool_]:
        """Read booleans."""
        values = np.empty(rows, np.bool_)
        self._move("Boolean", _READ, place, start, values)
        return values

    def read_dates(self, place: int, start: int, rows: int) -> NDArray[np.datetime64]:
        """Read dates, in UTC."""
        values = np.zeros(rows, RECORD)
        self._move("DateTime", _READ, place, start, values)
        return dates_of(values)

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
        """Write integers of 32 bits, floats, or for columns that hold them booleans or dates."""
        made = records_of(values) if values.dtype == DATES else values
        self._move(_WRITTEN[made.dtype.kind], _WRITE, place, start, np.ascontiguousarray(made))

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
