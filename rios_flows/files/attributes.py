"""Raster attribute tables: a row for each pixel value, with columns that have names and types."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rios_flows import rioserrors
from rios_flows.files.cells import as_strings, cells_of, fitting
from rios_flows.gdal.closing import failures_raised
from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.tables import Column, ColumnType, Rat

logger = logging.getLogger(__name__)

#: How many rows are held at a time.
_ROWS = 100_000


class Table:
    """The attribute table of a band, while it is open.

    Parameters
    ----------
    rat : Rat
        GDAL's table.
    place : str
        What messages call it: band and file.
    own_names : mapping
        Names that the format gives to columns of some usages.
    least_rows : int
        How many rows a table of this type of pixels has at least.
    """

    def __init__(
        self, rat: Rat, place: str, own_names: Mapping[int, str], least_rows: int = 0
    ) -> None:
        self.rat, self.place, self.least_rows = rat, place, least_rows
        self._own_names = own_names

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.rat.rows

    @property
    def columns(self) -> list[Column]:
        """Its columns, in order."""
        return self.rat.columns

    @property
    def names(self) -> list[str]:
        """The names of its columns, in order."""
        return [column.name for column in self.columns]

    def number_of(self, name: str) -> int:
        """Return the place of the first column of a name, from 0, or raise."""
        names = self.names
        if name in names:
            return names.index(name)
        there = ", ".join(map(repr, names)) or "none"
        raise rioserrors.AttributeTableColumnError(
            f"{self.place} has no column '{name}' in its attribute table; there are: {there}"
        )

    def column(self, name: str) -> Column:
        """Return what is known of the first column of a name, or raise."""
        return self.columns[self.number_of(name)]

    def read(
        self, name: str, start: int = 0, rows: int | None = None, *, strings: bool = False
    ) -> NDArray[Any]:
        """Read rows of a column: int64, float64, or text as bytes (UTF-8) or StringDType."""
        place = self.number_of(name)
        rows = self.rows - start if rows is None else rows
        if start < 0 or rows < 0 or start + rows > self.rows:
            raise rioserrors.ParameterError(
                f"column '{name}' of {self.place}: rows {start} to {start + rows - 1} were asked "
                f"for, and there are {self.rows}"
            )
        kind = self.columns[place].type
        with self._told(f"read column '{name}'", rioserrors.ImageReadError):
            if kind is ColumnType.Integer:
                return self.rat.read_integers(place, start, rows)
            if kind is ColumnType.Real:
                return self.rat.read_reals(place, start, rows)
            texts = self.rat.read_texts(place, start, rows)
        return as_strings(texts) if strings else np.array(texts, dtype=np.bytes_)

    def set_rows(self, rows: int) -> None:
        """Make it longer or shorter; new rows hold zeros and empty text."""
        if rows != self.rows:
            before = self.rows
            with self._told(f"change to {rows} rows", rioserrors.ImageWriteError):
                self.rat.set_rows(rows)
                for place in range(len(self.columns)):
                    self._blank(place, before)

    def need(self, wanted: Column) -> Column:
        """Return the column of a name; make it if it is missing."""
        names = self.names
        if wanted.name in names:
            return self.columns[names.index(wanted.name)]
        name = self._own_names.get(wanted.usage, wanted.name)
        if name not in names:
            with self._told(f"make column '{wanted.name}'", rioserrors.ImageWriteError):
                self.rat.create(wanted)
                self._blank(len(names), 0)
        if name not in self.names:
            raise rioserrors.ImageWriteError(
                f"Unable to make column '{name}' of {self.place}: its format calls it "
                f"'{self.names[-1]}'; give it another name"
            )
        made = self.column(name)
        if (made.name, made.usage) != (wanted.name, wanted.usage):
            logger.warning(
                "Column '%s' of %s is kept as '%s' with usage %s: its format knows a column's "
                "usage by its name only",
                *(wanted.name, self.place, made.name, made.usage.name),
            )
        return made

    def _blank(self, place: int, start: int) -> None:
        """Write what rows hold that nothing was written to: in a file, there may be anything."""
        if not self.rat.is_in_file:
            return
        kind = self.columns[place].type
        for first in range(start, self.rows, _ROWS):
            rows = min(_ROWS, self.rows - first)
            if kind is ColumnType.String:
                self.rat.write_texts(place, first, [b""] * rows)
            else:
                self.rat.write(place, first, np.zeros(rows))

    def write(self, name: str, values: ArrayLike, start: int = 0) -> None:
        """Write rows of a column; raise if it cannot hold the values unchanged."""
        place = self.number_of(name)
        kind = self.columns[place].type
        try:
            cells = fitting(cells_of(values), kind)
        except rioserrors.RiosError as error:
            raise type(error)(f"Column '{name}' of {self.place}: {error}") from None
        if start < 0 or start + len(cells) > self.rows:
            raise rioserrors.ArrayShapeError(
                f"Column '{name}' of {self.place}: {len(cells)} values from row {start} on are "
                f"too many for {self.rows} rows"
            )
        with self._told(f"write column '{name}'", rioserrors.ImageWriteError):
            if isinstance(cells, list):
                self.rat.write_texts(place, start, cells)
            else:
                self.rat.write(place, start, cells)

    @contextmanager
    def _told(self, what: str, kind: type[OSError]) -> Iterator[None]:
        try:
            with failures_raised():
                yield
        except OSError as error:
            raise kind(f"Unable to {what} of {self.place}: {with_hint(error)}") from error
