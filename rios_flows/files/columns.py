"""Columns of attribute tables under RIOS's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from numpy.typing import ArrayLike, NDArray

from rios_flows import rioserrors
from rios_flows.files.attributes import Table
from rios_flows.files.cells import cells_of, type_of
from rios_flows.files.osgeofile import AnyRaster
from rios_flows.files.tables import changing_table, reading_table
from rios_flows.gdal.tables import TYPES
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage

__all__ = [
    "ColumnType",
    "ColumnUsage",
    "getColumnNames",
    "getColumnNamesFromBand",
    "getUsageOfColumn",
    "getUsageOfColumnFromBand",
    "inferColumnType",
    "isColorColFromUsage",
    "readColumn",
    "readColumnFromBand",
    "writeColumn",
    "writeColumnToBand",
]

_COLORS = (ColumnUsage.Red, ColumnUsage.Green, ColumnUsage.Blue, ColumnUsage.Alpha)


def readColumn(
    imgFile: AnyRaster, columnName: str, bandNumber: int = 1, useStringDType: bool = False
) -> NDArray[Any]:
    """Read a column of a band's attribute table.

    Parameters
    ----------
    imgFile : str or open dataset
        The raster.
    columnName : str
        The column; the first one of that name.
    bandNumber : int
        The band, from 1.
    useStringDType : bool
        Return text as numpy's ``StringDType``.

    Returns
    -------
    A value for each row, shape ``(rows,)``: int64, float64, or text as bytes in UTF-8, as GDAL's
    own Python interface has it.

    Raises
    ------
    AttributeTableColumnError
        If there is no such column.
    GDALLayerNumberError
        If there is no such band.
    ImageOpenError
        If the file cannot be opened.
    ImageReadError
        If the table cannot be read.
    """
    with reading_table(imgFile, bandNumber) as table:
        return table.read(columnName, strings=useStringDType)


def readColumnFromBand(
    gdalBand: Any, columnName: str, useStringDType: bool = False
) -> NDArray[Any]:
    """Read a column of the table of an open band; see :func:`readColumn`.

    Parameters
    ----------
    gdalBand : open band
        A band of what ``setCallBeforeClose`` hands over, ``rasterio.band(dataset, number)``, or an
        open dataset with one band.
    columnName, useStringDType
        As for :func:`readColumn`.
    """
    place = _place_of(gdalBand)
    return readColumn(place.dataset, columnName, place.number, useStringDType)


def getColumnNames(imgFile: AnyRaster, bandNumber: int = 1) -> list[str]:
    """Return the names of the columns of a band's attribute table; none without a table.

    Raises
    ------
    GDALLayerNumberError
        If there is no such band.
    ImageOpenError
        If the file cannot be opened.
    """
    with reading_table(imgFile, bandNumber) as table:
        return table.names


def getColumnNamesFromBand(gdalBand: Any) -> list[str]:
    """Return the names of the columns of an open band; see :func:`readColumnFromBand`."""
    return getColumnNames(*_place_of(gdalBand))


def getUsageOfColumn(imgFile: AnyRaster, columnName: str, bandNumber: int = 1) -> ColumnUsage:
    """Return what a column is for, by GDAL's number.

    Raises
    ------
    AttributeTableColumnError
        If there is no such column.
    GDALLayerNumberError
        If there is no such band.
    ImageOpenError
        If the file cannot be opened.
    """
    with reading_table(imgFile, bandNumber) as table:
        return table.column(columnName).usage


def getUsageOfColumnFromBand(gdalBand: Any, columnName: str) -> ColumnUsage:
    """Return what a column of an open band is for; see :func:`readColumnFromBand`."""
    place = _place_of(gdalBand)
    return getUsageOfColumn(place.dataset, columnName, place.number)


def writeColumn(
    imgFile: AnyRaster,
    columnName: str,
    sequence: ArrayLike,
    colType: int | None = None,
    bandNumber: int = 1,
    colUsage: int = 0,
) -> None:
    """Write a column of a band's attribute table, a new one or over the first of its name.

    The table gets longer where there are more values than rows, and has at least 256 rows for a
    band of bytes; rows without a value get 0 or empty text. HFA keeps the table in the file, and
    changes it in place; in other files it is in a side-car file, of which a failure or a kill
    leaves the old one. In a dataset that is open, GDAL keeps floats with 16 digits, not 17, if
    its format has a side-car file.

    Parameters
    ----------
    imgFile : str or open dataset
        The raster; an open one must be writable.
    columnName : str
        The column. HFA knows a column's usage by its name only, and gives it that name.
    sequence : array
        A value for each row, from pixel value 0 on, shape ``(rows,)``: integers, floats, booleans
        or text.
    colType : int, optional
        Type of a new column, of :class:`ColumnType` or by GDAL's number; by default
        :func:`inferColumnType` of the values. A column that is there keeps its own.
    bandNumber : int
        The band, from 1.
    colUsage : int
        What a new column is for, of :class:`ColumnUsage` or by GDAL's number; by default Generic.

    Raises
    ------
    AttributeTableTypeError
        If the column cannot hold the values unchanged.
    ArrayShapeError
        If there is more than one value for a row.
    ParameterError
        If there is no such type or usage.
    GDALLayerNumberError
        If there is no such band.
    ImageOpenError
        If the file cannot be opened for changes.
    ImageWriteError
        If it cannot be written, or its format keeps no table.
    """
    what = f"Column '{columnName}'"
    if not isinstance(columnName, str):
        raise rioserrors.ParameterError(f"writeColumn: columnName={columnName!r}: give a text")
    usage = _known(tuple(ColumnUsage), colUsage, f"{what}: colUsage")
    kind = None if colType is None else _known(TYPES, colType, f"{what}: colType")
    try:
        cells = cells_of(sequence)
        kind = type_of(cells) if kind is None else kind
    except rioserrors.RiosError as error:
        raise type(error)(f"{what} of band {bandNumber} of '{imgFile}': {error}") from None
    with changing_table(imgFile, bandNumber) as table:
        _write(table, Column(columnName, ColumnType(kind), ColumnUsage(usage)), cells)


def writeColumnToBand(
    gdalBand: Any,
    columnName: str,
    sequence: ArrayLike,
    colType: int | None = None,
    colUsage: int = 0,
) -> None:
    """Write a column of the table of an open band.

    See :func:`writeColumn`, and :func:`readColumnFromBand` for what a band is.
    """
    dataset, number = _place_of(gdalBand)
    writeColumn(dataset, columnName, sequence, colType, number, colUsage)


def inferColumnType(sequence: ArrayLike) -> ColumnType:
    """Return the type of column that holds values: ``Real`` also for integers of over 32 bits.

    Raises
    ------
    AttributeTableTypeError
        If none does.
    ArrayShapeError
        If they are not in one row.
    """
    try:
        return type_of(cells_of(sequence))
    except rioserrors.RiosError as error:
        raise type(error)(f"inferColumnType: {error}") from None


def findOrCreateColumn(ratObj: Any, usage: int, name: str, dtype: int) -> tuple[int, bool]:
    """Find a column of one of GDAL's own attribute tables, or make it.

    Parameters
    ----------
    ratObj : osgeo.gdal.RasterAttributeTable
        The table, or anything that has its methods.
    usage : int
        What the column is for, by GDAL's number. Of columns that are not Generic, the first of this
        usage is taken.
    name : str
        Its name, where there is none of that usage.
    dtype : int
        Type of a new column, by GDAL's number.

    Returns
    -------
    The number of the column, from 0, and whether it is new.
    """
    found = -1 if usage == ColumnUsage.Generic else int(ratObj.GetColOfUsage(usage))
    if found >= 0:
        return found, False
    count = int(ratObj.GetColumnCount())
    names = [ratObj.GetNameOfCol(place) for place in range(count)]
    if name in names:
        return names.index(name), False
    ratObj.CreateColumn(name, dtype, usage)
    return count, True


def isColorColFromUsage(usage: int) -> bool:
    """Return whether a column of this usage holds a part of a colour: red, green, blue, alpha."""
    return usage in _COLORS


class _Place(NamedTuple):
    dataset: AnyRaster
    number: int


def _place_of(band: Any) -> _Place:
    """Return the dataset and number of an open band."""
    if hasattr(band, "bidx"):
        return _Place(band.ds, int(band.bidx))
    if hasattr(band, "GetBand"):
        return _Place(band.GetDataset(), int(band.GetBand()))
    if getattr(band, "count", None) == 1:
        return _Place(cast(AnyRaster, band), 1)
    raise rioserrors.ParameterError(
        f"{band!r} is no open band; give rasterio.band(dataset, number), or a band of what "
        "setCallBeforeClose hands over"
    )


def _known(kinds: Sequence[ColumnType | ColumnUsage], number: int, what: str) -> int:
    if number in kinds:
        return number
    names = ", ".join(f"{kind.name} ({kind.value})" for kind in kinds)
    raise rioserrors.ParameterError(f"{what}={number!r}: give one of {names}")


def _write(table: Table, wanted: Column, cells: NDArray[Any]) -> None:
    # before anything changes
    fitted = table.fitted(table.planned(wanted), cells)
    rows = max(len(cells), table.rows, table.least_rows)
    table.set_rows(rows)
    made = table.need(wanted, clear=False)
    table.store(made.name, fitted)
    table.clear(made.name, len(cells))
