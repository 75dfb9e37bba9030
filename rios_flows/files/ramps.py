"""Colour tables made from named ramps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rios_flows import rioserrors

__all__ = [
    "BUILT_IN",
    "DIVERGING",
    "EVEN",
    "KNOTS",
    "MOST_COLORS",
    "QUALITATIVE",
    "RAMP",
    "RANDOM",
    "SEGMENTED",
    "SEQUENTIAL",
    "ColorTableException",
    "Table",
    "addRamp",
    "genTable",
    "getRampNames",
    "loadBuiltinRamps",
]

#: A colour table: red, green, blue, alpha of each entry, shape ``(4, entries)``.
Table = NDArray[np.uint8]

#: Name of the ramp with random colours, the same each time.
RANDOM = "RANDOM"

#: Most entries of a colour table that is made here.
MOST_COLORS = 1 << 16

#: Ramps by Cynthia Brewer, made of 9 or 11 colours; matplotlib has them.
SEQUENTIAL = (
    *("Blues", "BuGn", "BuPu", "GnBu", "Greens", "Greys", "OrRd", "Oranges", "PuBu", "PuBuGn"),
    *("PuRd", "Purples", "RdPu", "Reds", "YlGn", "YlGnBu", "YlOrBr", "YlOrRd"),
)
DIVERGING = ("BrBG", "PRGn", "PiYG", "PuOr", "RdBu", "RdGy", "RdYlBu", "RdYlGn", "Spectral")
QUALITATIVE = ("Accent", "Dark2", "Paired", "Pastel1", "Pastel2", "Set1", "Set2", "Set3")

#: Ramps with even steps of lightness, which matplotlib also has; and two simple ones.
EVEN = ("viridis", "plasma", "inferno", "magma", "cividis", "gray", "rainbow")

SEGMENTED = (*SEQUENTIAL, *DIVERGING)
BUILT_IN = (*SEQUENTIAL, *EVEN, *DIVERGING, *QUALITATIVE)

#: How many colours to take of 9 or 11 to get each of these.
KNOTS = 41


class ColorTableException(rioserrors.ColorTableGenerationError):
    """A colour table cannot be made, read or written as asked."""


class _Ramps(Mapping[str, NDArray[np.float64]]):
    """Ramps by name: their colours, 0 to 255, shape ``(colours, 3)``; looked up when asked for."""

    def __init__(self) -> None:
        self._added = {
            "gray": np.array([[0.0, 0, 0], [255, 255, 255]]),
            "rainbow": np.array([[255.0, 0, 0], [0, 255, 0], [0, 0, 255]]),
        }

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        if name in self._added:
            return self._added[name]
        if name not in BUILT_IN:
            raise KeyError(name)
        # takes a while to import, and few runs need it
        from matplotlib import colormaps

        ramp = colormaps[name]
        if name in SEGMENTED:
            ramp = ramp.resampled(KNOTS)
        return np.asarray(ramp(np.arange(ramp.N))[:, :3], np.float64) * 255

    def __iter__(self) -> Iterator[str]:
        yield from BUILT_IN
        yield from (name for name in self._added if name not in BUILT_IN)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def add(self, name: str, colors: NDArray[np.float64]) -> None:
        """Add a ramp, or replace one."""
        self._added[name] = colors


#: All ramps.
RAMP = _Ramps()


def loadBuiltinRamps() -> None:
    """Do nothing: the ramps are always there."""


def getRampNames() -> list[str]:
    """Return the names that :func:`genTable` knows."""
    return [*RAMP, RANDOM]


def addRamp(name: str, colors: ArrayLike) -> None:
    """Add a ramp.

    Parameters
    ----------
    name : str
        Its name.
    colors : array
        Red, green and blue of two or more colours, 0 to 255, shape ``(colours, 3)``.

    Raises
    ------
    ColorTableException
        If the colours are not like that.
    """
    values = np.asarray(colors, np.float64)
    if values.ndim != 2 or values.shape[1] != 3 or len(values) < 2:
        raise ColorTableException(
            f"addRamp: colors of '{name}' have shape {values.shape}; give two or more rows of red, "
            "green and blue"
        )
    if not (values.min() >= 0 and values.max() <= 255):
        raise ColorTableException(
            f"addRamp: colors of '{name}' go from {values.min():g} to {values.max():g}; give "
            "numbers from 0 to 255"
        )
    RAMP.add(name, values)


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
        are repeated; those of the others lie evenly from the first entry to the last, cut to whole
        numbers.
    ignoreVal : int, optional
        An entry that is left transparent.
    colorPoints : sequence of int, optional
        Entries, in ascending order, between which the ramp is spread evenly in place of the first
        and last one; what lies outside of them takes the outer colours.

    Returns
    -------
    The table, shape ``(4, numEntries)``.

    Raises
    ------
    ColorTableException
        If there is no such ramp, no entry, or the points are not ascending.
    """
    if numEntries < 1:
        raise ColorTableException(
            f"genTable: numEntries={numEntries} makes no colour table; give at least 1"
        )
    colors = _colors(numEntries, rampName, colorPoints)
    table = np.full((4, numEntries), 255, np.uint8)
    # integers may come out of the ramp slightly too small
    table[:3] = np.floor(colors.T + 1e-6)
    if ignoreVal is not None and 0 <= ignoreVal < numEntries:
        table[:, ignoreVal] = 0
    return table


def _colors(number: int, name: str, points: Sequence[int] | None = None) -> NDArray[np.float64]:
    """Return colours of a ramp, 0 to 255, shape ``(number, 3)``."""
    if name == RANDOM:
        # numpy promises that the old generator always gives the same numbers
        return np.random.RandomState(0).uniform(high=255, size=(number, 3))
    if name not in RAMP:
        raise ColorTableException(
            f"genTable: no colour ramp is called '{name}'; use one of {', '.join(getRampNames())}"
        )
    ramp = RAMP[name]
    if name in QUALITATIVE:
        return ramp[np.arange(number) % len(ramp)]
    entries = np.arange(number)
    places = np.array([0, number - 1] if points is None else points, np.float64)
    if places.size < 2 or (points is not None and (np.diff(places) <= 0).any()):
        raise ColorTableException(
            f"genTable: colorPoints={points}; give two or more ascending numbers"
        )
    along = np.interp(entries, places, np.linspace(0, len(ramp) - 1, places.size))
    channels = [np.interp(along, np.arange(len(ramp)), channel) for channel in ramp.T]
    return np.stack(channels, axis=1)
