"""Colour tables of raster files."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import ArrayLike
from rasterio.io import DatasetReader

from rios_flows.files.colorcolumns import (
    has_color_columns,
    has_other_columns,
    read_color_columns,
    write_color_columns,
)
from rios_flows.files.opening import Raster, changing, check_band, is_name, open_raster
from rios_flows.files.osgeofile import AnyRaster, named
from rios_flows.files.ramps import MOST_COLORS, ColorTableException, Table
from rios_flows.files.tables import NotKeptError
from rios_flows.formats.known import WITH_COLORS, class_of, format_of
from rios_flows.gdal.private import IO_ERRORS

__all__ = ["ColorTableMissingException", "getTable", "setTable"]

logger = logging.getLogger(__name__)


class ColorTableMissingException(ColorTableException):
    """A band has no colour table."""


def getTable(imgFile: AnyRaster, bandNumber: int = 1) -> Table:
    """Return the colour table of a band, or the colours in columns of its attribute table.

    Parameters
    ----------
    imgFile : str or open dataset
        The raster.
    bandNumber : int
        The band, from 1.

    Returns
    -------
    The table, shape ``(4, entries)``; black and transparent where the file has no colour. Of an HFA
    file GDAL leaves out what lies beyond the bins of the histogram, if it is all of one colour.

    Raises
    ------
    ColorTableMissingException
        If the band has none.
    GDALLayerNumberError
        If there is no such band.
    ImageOpenError
        If the file cannot be opened.
    """
    with open_raster(named(imgFile), "r") as dataset:
        check_band(dataset, bandNumber)
        try:
            return _table_of(dataset, bandNumber)
        except ValueError as error:
            columns = read_color_columns(dataset, bandNumber)
            if columns is not None:
                return columns
            raise ColorTableMissingException(
                f"Band {bandNumber} of '{dataset.name}' has no colour table; give it one with "
                "setTable"
            ) from error


def _table_of(dataset: DatasetReader, band: int) -> Table:
    """Return GDAL's colour table of a band; raise ValueError if it has none."""
    colors: dict[int, tuple[int, int, int, int]] = dataset.colormap(band)
    table = np.zeros((4, max(colors) + 1), np.uint8)
    for entry, color in colors.items():
        table[:, entry] = color
    return table


def setTable(
    imgFile: AnyRaster, colorTable: ArrayLike, bandNumber: int = 1, colorTableAPI: bool = False
) -> None:
    """Give a band a colour table.

    A GTiff has a colour table only for its first band, and only of bytes or uint16; it keeps no
    alpha there, and colours of values that its pixels cannot have are left out with a warning. For
    other bands, and formats that have none, colours become columns of the attribute table, of
    usage Red, Green, Blue and Alpha.

    Parameters
    ----------
    imgFile : str or open dataset
        The raster; an open one must be writable.
    colorTable : array
        Red, green, blue and, if given, alpha of each entry, shape ``(4, entries)`` or
        ``(3, entries)``.
    bandNumber : int
        The band, from 1.
    colorTableAPI : bool
        Refuse a band that can have no colour table, in place of writing columns.

    Raises
    ------
    ColorTableException
        If this is no colour table, or the band cannot have it.
    GDALLayerNumberError
        If there is no such band.
    ImageOpenError
        If the file cannot be opened for changes.
    ImageWriteError
        If it cannot be written.
    """
    raster = named(imgFile)
    with open_raster(raster, "r") as dataset:
        check_band(dataset, bandNumber)
        place = f"Unable to give band {bandNumber} of '{dataset.name}' a colour table"
        table = _checked(colorTable, place)
        # their colour table would be the same columns
        beside = not class_of(dataset.driver).hides_colors
    if not beside and has_other_columns(raster, bandNumber):
        # GDAL would make all columns as long as the colour table, and lose or invent values
        write_color_columns(raster, bandNumber, table)
        return
    reason = _written(raster, bandNumber, table, place)
    if reason is not None and (colorTableAPI or not beside):
        raise ColorTableException(f"{place}: {reason}")
    if reason is not None or (beside and has_color_columns(raster, bandNumber)):
        try:
            write_color_columns(raster, bandNumber, table)
        except NotKeptError as error:
            raise ColorTableException(f"{place}: {reason}") from error


def _written(raster: Raster, band: int, table: Table, place: str) -> str | None:
    """Write a colour table in the format's own way; return why that cannot be."""
    with changing(raster) as dataset:
        driver = dataset.driver
        reason = format_of(driver).why_no_colors(dataset.dtypes[band - 1], band)
        if reason is not None:
            return reason
        table = _fitting(dataset, band, table)
        colors = {entry: tuple(color) for entry, color in enumerate(table.T.tolist())}
        try:
            dataset.write_colormap(band, colors)
        except (*IO_ERRORS, ValueError) as error:
            raise ColorTableException(f"{place}: {error}") from error
    if is_name(raster) and not _has_table(raster, band, table):
        return f"{driver} does not keep it; copy it to {WITH_COLORS}"
    return None


def _has_table(file: Raster, band: int, table: Table) -> bool:
    """Return whether a closed file has these colours, whatever its alpha."""
    with open_raster(file, "r") as dataset:
        try:
            kept = _table_of(dataset, band)
        except ValueError:
            return False
        shown = _shown(dataset, band, table)
    return np.array_equal(kept[:3, :shown], table[:3, :shown])


def _fitting(dataset: DatasetReader, band: int, table: Table) -> Table:
    """Return what to write of a table, that a file of this format shows all its pixels' colours."""
    dtype = dataset.dtypes[band - 1]
    most = format_of(dataset.driver).most_colors(dtype, MOST_COLORS)
    if table.shape[1] > most:
        logger.warning(
            "Band %d of '%s' gets the first %d of %d colours: no pixel of %s has a larger value",
            band,
            dataset.name,
            most,
            table.shape[1],
            dtype,
        )
        return table[:, :most]
    shown = _shown(dataset, band, table)
    if table[:, shown:].any() and _number(dataset, band, "MAXIMUM") >= shown:
        # one more colour: the hidden ones are then no longer all the same
        return np.pad(table, ((0, 0), (0, 1)))
    return table


def _shown(dataset: DatasetReader, band: int, table: Table) -> int:
    """Return how many colours GDAL shows; it may hide equal ones beyond the histogram's bins."""
    bins = _number(dataset, band, "HISTONUMBINS")
    entries: int = table.shape[1]
    if not class_of(dataset.driver).hides_colors or bins >= entries:
        return entries
    rest = table[:, int(bins) :]
    return entries if (rest != rest[:, :1]).any() else int(bins)


def _number(dataset: DatasetReader, band: int, name: str) -> float:
    """Return a number that a band's statistics hold; infinite where there is none."""
    return float(dataset.tags(band).get(f"STATISTICS_{name}", "inf"))


def _checked(colorTable: ArrayLike, place: str) -> Table:
    values = np.asarray(colorTable)
    if values.ndim != 2 or values.shape[0] not in (3, 4) or not values.size:
        raise ColorTableException(
            f"{place}: its shape is {values.shape}; give (4, entries) or (3, entries)"
        )
    if not (values.min() >= 0 and values.max() <= 255):
        raise ColorTableException(
            f"{place}: its colours go from {values.min()} to {values.max()}; give 0 to 255"
        )
    table = np.full((4, values.shape[1]), 255, np.uint8)
    table[: values.shape[0]] = values
    return table
