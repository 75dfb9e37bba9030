"""Colour tables as rows of numbers, the way RIOS keeps them with raster attribute tables."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rios_flows import rioserrors
from rios_flows.colortable import RANDOM, Raster, genTable, getTable, opened, setTable

#: More colours than this make a colour table that few programs are quick with.
MAX_RECOMMENDED_COLOR_TABLE = 256

#: Kinds of automatic colour tables, and the ramp of each.
COLOR_TYPES = {"rainbow": "rainbow", "gray": "gray", "random": RANDOM}


def genColorTable(numEntries: int, colortype: str) -> NDArray[np.int64]:
    """Make a colour table.

    Parameters
    ----------
    numEntries : int
        How many colours.
    colortype : str
        "rainbow", "gray" or "random".

    Returns
    -------
    Rows of pixel value, red, green, blue and alpha, shape ``(numEntries, 5)``.

    Raises
    ------
    ColorTableGenerationError
        If there is no such kind, or no entry.
    """
    if colortype not in COLOR_TYPES:
        raise rioserrors.ColorTableGenerationError(
            f"no colour table is called '{colortype}', only {', '.join(COLOR_TYPES)}"
        )
    if numEntries < 1:
        raise rioserrors.ColorTableGenerationError(f"a colour table of {numEntries} entries")
    return _rows(genTable(numEntries, COLOR_TYPES[colortype]))


def getColorTable(imgFile: Raster, bandNumber: int = 1) -> NDArray[np.int64]:
    """Return the colour table of a band.

    Returns
    -------
    Rows of pixel value, red, green, blue and alpha, shape ``(entries, 5)``.

    Raises
    ------
    ColorTableMissingException
        If the band has none.
    """
    return _rows(getTable(imgFile, bandNumber))


def setColorTable(imgFile: Raster, colorTblArray: ArrayLike, layernum: int = 1) -> None:
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
    """
    rows = np.asarray(colorTblArray)
    if rows.ndim != 2 or rows.shape[1] not in (4, 5) or not len(rows):
        raise rioserrors.ArrayShapeError(
            f"a colour table is rows of 4 or 5 numbers, not an array of shape {rows.shape}"
        )
    if rows[:, 0].min() < 0:
        raise rioserrors.ParameterError("a colour table has no colours for negative pixel values")
    with opened(imgFile, "r+") as dataset:
        entries = int(rows[:, 0].max()) + 1
        if dataset.dtypes[layernum - 1] == "uint8":
            entries = max(entries, 256)
        if entries > MAX_RECOMMENDED_COLOR_TABLE:
            rioserrors.deprecationWarning(
                f"a colour table of {entries} entries; more than "
                f"{MAX_RECOMMENDED_COLOR_TABLE} are slow to draw with"
            )
        table = np.zeros((4, entries), rows.dtype)
        places = rows[:, 0].astype(np.intp)
        table[3, places] = 255
        table[: rows.shape[1] - 1, places] = rows[:, 1:].T
        setTable(dataset, table, layernum)


def _rows(table: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return a table of shape ``(4, entries)`` as rows that begin with the pixel value."""
    return np.column_stack([np.arange(table.shape[1]), table.T.astype(np.int64)])
