"""Colour tables as rows of numbers, the way RIOS keeps them with raster attribute tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rios_flows import rioserrors
from rios_flows.basics.defaults import AUTO_COLOR_TABLES
from rios_flows.controls.const import DEFAULT_AUTOCOLORTABLETYPE, basestring
from rios_flows.files.colors import getTable, setTable
from rios_flows.files.opening import check_band, open_raster
from rios_flows.files.osgeofile import AnyRaster, named
from rios_flows.files.ramps import MOST_COLORS, RANDOM, genTable

__all__ = [
    "DEFAULT_AUTOCOLORTABLETYPE",
    "MAX_RECOMMENDED_COLOR_TABLE",
    "basestring",
    "genColorTable",
    "genColorTable_gray",
    "genColorTable_rainbow",
    "genColorTable_random",
    "getColorTable",
    "setColorTable",
]

#: With more colours than this, a colour table is slow in many programs.
MAX_RECOMMENDED_COLOR_TABLE = 256


def genColorTable(numEntries: int, colortype: str) -> NDArray[Any]:
    """Make the colours of a table.

    For :func:`setColorTable`, put the pixel values before them:
    ``np.column_stack([np.arange(numEntries), colors])``.

    Parameters
    ----------
    numEntries : int
        How many colours.
    colortype : str
        "rainbow" (red, green, blue), "gray" (black to white) or "random" (the same each time).

    Returns
    -------
    Rows of red, green, blue and alpha, shape ``(numEntries, 4)``, of uint8; uint32 for "rainbow".

    Raises
    ------
    ColorTableGenerationError
        If there is no such kind, or no entry.
    """
    if colortype not in AUTO_COLOR_TABLES:
        raise rioserrors.ColorTableGenerationError(
            f"genColorTable: no kind of colour table is called '{colortype}'; use one of "
            f"{', '.join(AUTO_COLOR_TABLES)}"
        )
    return _MAKERS[colortype](numEntries)


def genColorTable_rainbow(numEntries: int) -> NDArray[np.uint32]:
    """Make colours from red through green to blue; see :func:`genColorTable`."""
    _check_number(numEntries)
    half = numEntries // 2
    red, green, blue = np.eye(3, dtype=np.int64) * 255
    table = np.full((numEntries, 4), 255, np.uint32)
    table[:half, :3] = _between(red, green, half)
    table[half:, :3] = _between(green, blue, numEntries - half)
    return table


def genColorTable_gray(numEntries: int) -> NDArray[np.uint8]:
    """Make colours from black to white; see :func:`genColorTable`."""
    _check_number(numEntries)
    return genTable(numEntries, "gray").T.copy()


def genColorTable_random(numEntries: int) -> NDArray[np.uint8]:
    """Make random colours, the same each time; see :func:`genColorTable`."""
    _check_number(numEntries)
    return genTable(numEntries, RANDOM).T.copy()


_MAKERS: dict[str, Callable[[int], NDArray[Any]]] = {
    "rainbow": genColorTable_rainbow,
    "gray": genColorTable_gray,
    "random": genColorTable_random,
}


def _check_number(entries: int) -> None:
    if entries < 1:
        raise rioserrors.ColorTableGenerationError(
            f"genColorTable: numEntries={entries} makes no colour table; give at least 1"
        )


def _between(start: NDArray[np.int64], end: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Return rows of integers at equal steps from start to end, shape ``(number, 3)``."""
    steps = max(number - 1, 1)
    along = np.arange(number)[:, np.newaxis]
    return (start * (steps - along) + end * along) // steps


def getColorTable(imgFile: AnyRaster, bandNumber: int = 1) -> NDArray[np.int64]:
    """Return the colour table of a band.

    Parameters
    ----------
    imgFile : str or open dataset
        The raster.
    bandNumber : int
        The band, from 1.

    Returns
    -------
    Rows of pixel value, red, green, blue and alpha, shape ``(entries, 5)``.

    Raises
    ------
    ColorTableMissingException
        If the band has none.
    GDALLayerNumberError
        If there is no such band.
    ImageOpenError
        If the file cannot be opened.
    """
    table = getTable(imgFile, bandNumber)
    return np.column_stack([np.arange(table.shape[1]), table.T.astype(np.int64)])


def setColorTable(imgFile: AnyRaster, colorTblArray: ArrayLike, layernum: int = 1) -> None:
    """Give a band a colour table.

    Parameters
    ----------
    imgFile : str or open dataset
        The raster; an open one must be writable.
    colorTblArray : array
        Rows of pixel value, red, green, blue and, if given, alpha. Values left out between them get
        transparent black, and so do those up to 255 of a band of bytes.
    layernum : int
        The band, from 1.

    Raises
    ------
    ArrayShapeError
        If there are neither four nor five columns.
    ParameterError
        If it holds other than whole numbers, or pixel values below 0 or above 65535.
    ColorTableException
        If a colour is not from 0 to 255, or the band cannot have a colour table.
    GDALLayerNumberError
        If there is no such band.
    ImageOpenError
        If the file cannot be opened for changes.
    ImageWriteError
        If it cannot be written.
    """
    raster = named(imgFile)
    with open_raster(raster, "r") as dataset:
        check_band(dataset, layernum)
        rows = _checked(colorTblArray, f"band {layernum} of '{dataset.name}'")
        entries = int(rows[:, 0].max()) + 1
        if dataset.dtypes[layernum - 1] == "uint8":
            entries = max(entries, 256)
        if entries > MAX_RECOMMENDED_COLOR_TABLE:
            rioserrors.deprecationWarning(
                f"setColorTable: {entries} colours for band {layernum} of '{dataset.name}'; more "
                f"than {MAX_RECOMMENDED_COLOR_TABLE} are slow in many programs"
            )
        table = np.zeros((4, entries), np.int64)
        table[3, rows[:, 0]] = 255
        table[: rows.shape[1] - 1, rows[:, 0]] = rows[:, 1:].T
    setTable(raster, table, layernum)


def _checked(values: ArrayLike, place: str) -> NDArray[np.int64]:
    """Return the rows of a table in a type that can hold 255."""
    rows = np.asarray(values)
    if rows.ndim != 2 or rows.shape[1] not in (4, 5) or not len(rows):
        raise rioserrors.ArrayShapeError(
            f"setColorTable: the table for {place} has shape {rows.shape}; give rows of 4 or 5 "
            "numbers"
        )
    if rows.dtype.kind not in "iuf" or not (rows == np.floor(rows)).all():
        raise rioserrors.ParameterError(
            f"setColorTable: the table for {place} is not of whole numbers; convert it"
        )
    first, last = rows[:, 0].min(), rows[:, 0].max()
    if first < 0 or last >= MOST_COLORS:
        raise rioserrors.ParameterError(
            f"setColorTable: the table for {place} is about pixel values from {first} to {last}; "
            f"none may be negative or above {MOST_COLORS - 1}"
        )
    return rows.astype(np.int64)
