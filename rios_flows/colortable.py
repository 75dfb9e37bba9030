"""Colour tables: named ramps, and the tables of raster files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import Any

import numpy as np
import rasterio
from numpy.typing import ArrayLike, NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from rios_flows import rioserrors

#: A colour table: red, green, blue, alpha of each entry, shape ``(4, entries)``.
Table = NDArray[np.uint8]

#: A raster file, by name or open.
Raster = str | PathLike[str] | Any

#: Name of the ramp whose colours are picked by chance, though the same ones each time.
RANDOM = "RANDOM"

#: Ramps by Cynthia Brewer, and others made for even steps of lightness; matplotlib has them.
SEQUENTIAL = (
    *("Blues", "BuGn", "BuPu", "GnBu", "Greens", "Greys", "OrRd", "Oranges", "PuBu", "PuBuGn"),
    *("PuRd", "Purples", "RdPu", "Reds", "YlGn", "YlGnBu", "YlOrBr", "YlOrRd"),
    *("viridis", "plasma", "inferno", "magma", "cividis", "gray", "rainbow"),
)
DIVERGING = ("BrBG", "PRGn", "PiYG", "PuOr", "RdBu", "RdGy", "RdYlBu", "RdYlGn", "Spectral")
QUALITATIVE = ("Accent", "Dark2", "Paired", "Pastel1", "Pastel2", "Set1", "Set2", "Set3")


class ColorTableException(rioserrors.RiosError, ValueError):
    """A colour table cannot be made, read or written as asked."""


class ColorTableMissingException(ColorTableException):
    """A band has no colour table."""


class _Ramps(Mapping[str, NDArray[np.float64]]):
    """Ramps by name: their colours, 0 to 1, shape ``(colours, 3)``; looked up when asked for."""

    def __init__(self) -> None:
        self._added: dict[str, NDArray[np.float64]] = {}

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        if name in self._added:
            return self._added[name]
        if name not in (*SEQUENTIAL, *DIVERGING, *QUALITATIVE):
            raise KeyError(name)
        # takes a while to import, and few runs need it
        from matplotlib import colormaps

        ramp = colormaps[name]
        return np.asarray(ramp(np.arange(ramp.N))[:, :3], np.float64)

    def __iter__(self) -> Iterator[str]:
        known = (*SEQUENTIAL, *DIVERGING, *QUALITATIVE)
        yield from known
        yield from (name for name in self._added if name not in known)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def add(self, name: str, colors: NDArray[np.float64]) -> None:
        """Add a ramp, or put it in place of another."""
        self._added[name] = colors


#: All ramps.
RAMP = _Ramps()


def getRampNames() -> list[str]:
    """Return the names that :func:`genTable` knows."""
    return [*RAMP, RANDOM]


def addRamp(name: str, colors: ArrayLike) -> None:
    """Add a ramp of one's own.

    Parameters
    ----------
    name : str
        Its name.
    colors : array
        Red, green and blue of two or more colours, 0 to 255, shape ``(colours, 3)``.
    """
    values = np.asarray(colors, np.float64)
    if values.ndim != 2 or values.shape[1] != 3 or len(values) < 2:
        raise ColorTableException(
            f"a ramp is two or more rows of red, green and blue, not shape {values.shape}"
        )
    if values.min() < 0 or values.max() > 255:
        raise ColorTableException("colours of a ramp go from 0 to 255")
    RAMP.add(name, values / 255)


def genTable(
    numEntries: int,
    rampName: str,
    ignoreVal: int | None = None,
    colorPoints: Sequence[int] | None = None,
) -> Table:
    """Make a colour table from a ramp.

    Parameters
    ----------
    numEntries : int
        How many colours.
    rampName : str
        One of :func:`getRampNames`. The colours of the ramps made for classes ("Set1", "Paired"...)
        are repeated; those of the others lie evenly from the first entry to the last.
    ignoreVal : int, optional
        An entry that is left transparent.
    colorPoints : sequence of int, optional
        Entries, in ascending order, between which the ramp is spread evenly in place of the first
        and last one; what lies outside of them takes the outer colours.

    Returns
    -------
    The table, shape ``(4, numEntries)``.
    """
    if numEntries < 1:
        raise ColorTableException(f"a colour table of {numEntries} entries")
    colors = _colors(numEntries, rampName, colorPoints)
    table = np.full((4, numEntries), 255, np.uint8)
    table[:3] = np.rint(colors.T * 255)
    if ignoreVal is not None and 0 <= ignoreVal < numEntries:
        table[:, ignoreVal] = 0
    return table


def _colors(number: int, name: str, points: Sequence[int] | None = None) -> NDArray[np.float64]:
    """Return colours of a ramp, 0 to 1, shape ``(number, 3)``."""
    if name == RANDOM:
        # of the old generator numpy promises that it gives the same numbers for ever
        return np.random.RandomState(0).uniform(size=(number, 3))
    if name not in RAMP:
        raise ColorTableException(
            f"no colour ramp is called '{name}', only {', '.join(getRampNames())}"
        )
    ramp = RAMP[name]
    if name in QUALITATIVE:
        return ramp[np.arange(number) % len(ramp)]
    entries = np.arange(number)
    places = np.array([0, number - 1] if points is None else points, np.float64)
    if places.size < 2 or (points is not None and (np.diff(places) <= 0).any()):
        raise ColorTableException(f"colour points are two or more ascending numbers, not {points}")
    along = np.interp(entries, places, np.linspace(0, len(ramp) - 1, places.size))
    channels = [np.interp(along, np.arange(len(ramp)), channel) for channel in ramp.T]
    return np.stack(channels, axis=1)


def getTable(imgFile: Raster, bandNumber: int = 1) -> Table:
    """Return the colour table of a band.

    Parameters
    ----------
    imgFile : str or open dataset
        The raster.
    bandNumber : int
        The band, from 1.

    Returns
    -------
    The table, shape ``(4, entries)``; black and transparent where the file has no colour.

    Raises
    ------
    ColorTableMissingException
        If the band has none.
    """
    with opened(imgFile, "r") as dataset:
        try:
            colors: dict[int, tuple[int, int, int, int]] = dataset.colormap(bandNumber)
        except ValueError as error:
            raise ColorTableMissingException(
                f"band {bandNumber} of '{dataset.name}' has no colour table"
            ) from error
    table = np.zeros((4, max(colors) + 1), np.uint8)
    for entry, color in colors.items():
        table[:, entry] = color
    return table


def setTable(
    imgFile: Raster, colorTable: ArrayLike, bandNumber: int = 1, colorTableAPI: bool = False
) -> None:
    """Give a band a colour table.

    A GTiff has a table only for its first band, and only of bytes or uint16; it keeps no alpha.

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
        Has no effect: the table is written as a colour table, and never as an attribute table.
    """
    table = _checked(colorTable)
    colors = {entry: tuple(color) for entry, color in enumerate(table.T.tolist())}
    with opened(imgFile, "r+") as dataset:
        dtype = dataset.dtypes[bandNumber - 1]
        reason = reason_against(dataset.driver, dtype, bandNumber, len(colors))
        if reason is not None:
            raise ColorTableException(f"no colour table for '{dataset.name}': {reason}")
        try:
            dataset.write_colormap(bandNumber, colors)
        except (RasterioError, CPLE_BaseError, ValueError, OSError) as error:
            raise ColorTableException(f"no colour table for '{dataset.name}': {error}") from error


def reason_against(driver: str, dtype: str, band: int, entries: int) -> str | None:
    """Return why a band cannot have a colour table, where GDAL would leave it out in silence.

    Parameters
    ----------
    driver : str
        GDAL's short name of the format.
    dtype : str
        Type of the pixels.
    band : int
        The band, from 1.
    entries : int
        How many colours.
    """
    if driver not in ("GTiff", "COG"):
        return None
    if band != 1:
        return f"{driver} has one for band 1 only, and not for band {band}"
    if dtype not in ("uint8", "uint16"):
        return f"{driver} has one for uint8 and uint16, and not for {dtype}"
    if entries > np.iinfo(dtype).max + 1:
        return f"{entries} colours are more than {dtype} has values"
    return None


def _checked(colorTable: ArrayLike) -> Table:
    values = np.asarray(colorTable)
    if values.ndim != 2 or values.shape[0] not in (3, 4) or not values.size:
        raise ColorTableException(f"a colour table has shape (4, entries), not {values.shape}")
    if values.min() < 0 or values.max() > 255:
        raise ColorTableException("colours of a table go from 0 to 255")
    table = np.full((4, values.shape[1]), 255, np.uint8)
    table[: values.shape[0]] = values
    return table


@contextmanager
def opened(raster: Raster, mode: str) -> Iterator[Any]:
    """Open a raster given by name; leave one that is open as it is."""
    if not isinstance(raster, str | PathLike):
        yield raster
        return
    try:
        dataset = rasterio.open(raster, mode)
    except (RasterioError, TypeError) as error:
        # a file that is not there is a TypeError in mode "r+"
        raise rioserrors.ImageOpenError(f"Unable to open '{raster}': {error}") from error
    with dataset:
        yield dataset
