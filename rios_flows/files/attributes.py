"""Raster attribute tables: a row for each pixel value, with columns that have names and types."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rios_flows import rioserrors
from rios_flows.files.cells import as_strings, blank, cells_of, check_colors, fitting
from rios_flows.files.celltexts import check_texts, why_no_xml
from rios_flows.formats.format import Format
from rios_flows.formats.hfacolumns import Room
from rios_flows.gdal.closing import failures_raised
from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.pamoptions import option_that_hides
from rios_flows.gdal.tables import Rat
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage

logger = logging.getLogger(__name__)

#: How many rows are held at a time.
_ROWS = 100_000

#: The method that reads a type; what is not here is read as text.
_READERS = {
    ColumnType.Integer: "read_integers",
    ColumnType.Real: "read_reals",
    ColumnType.Boolean: "read_booleans",
    ColumnType.DateTime: "read_dates",
}

#: The usages of parts of a colour.
_COLORS = (ColumnUsage.Red, ColumnUsage.Green, ColumnUsage.Blue, ColumnUsage.Alpha)


class Table:
    """The attribute table of a band, while it is open.

    Parameters
    ----------
    rat : Rat
        What holds it.
    place : str
        What messages call it: band and file.
    known : class
        What is known of the format.
    least_rows : int
        How many rows a table of this type of pixels has at least.
    """

    def __init__(
        self, rat: Rat, place: str, known: type[Format] = Format, least_rows: int = 0
    ) -> None:
        self.rat, self.place, self.least_rows = rat, place, least_rows
        #: What it may still take of its file.
        self.room: Room | None = None
        self._known = known
        # GDAL takes a while to tell them all
        self._columns: list[Column] | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.rat.rows

    @property
    def columns(self) -> list[Column]:
        """Its columns, in order."""
        if self._columns is None:
            self._columns = self.rat.columns
        return self._columns

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
        hiding = option_that_hides() if self.rat.is_in_xml and not names else None
        there += f", since {hiding} hides side-car files" if hiding else ""
        raise rioserrors.AttributeTableColumnError(
            f"{self.place} has no column '{name}' in its attribute table; there are: {there}"
        )

    def column(self, name: str) -> Column:
        """Return what is known of the first column of a name, or raise."""
        return self.columns[self.number_of(name)]

    def read(
        self, name: str, start: int = 0, rows: int | None = None, *, strings: bool = False
    ) -> NDArray[Any]:
        """Read rows of a column: int64, float64, bool, datetime64 in UTC, or text.

        Text comes as bytes in UTF-8, or as numpy's StringDType. Geometries are text.
        """
        place = self.number_of(name)
        rows = self.rows - start if rows is None else rows
        if start < 0 or rows < 0 or start + rows > self.rows:
            raise rioserrors.ParameterError(
                f"column '{name}' of {self.place}: rows {start} to {start + rows - 1} were asked "
                f"for, and there are {self.rows}"
            )
        with self._told(f"read column '{name}'", rioserrors.ImageReadError):
            values = self._values(place, start, rows)
        if isinstance(values, list):
            told = f"column '{name}' of {self.place}"
            return as_strings(values, told) if strings else np.array(values, dtype=np.bytes_)
        return values

    def _values(self, place: int, start: int, rows: int) -> NDArray[Any] | list[bytes]:
        reader = _READERS.get(self.columns[place].type, "read_texts")
        values: NDArray[Any] | list[bytes] = getattr(self.rat, reader)(place, start, rows)
        return values

    def set_rows(self, rows: int) -> None:
        """Make it longer or shorter; new rows hold zeros and empty text."""
        if rows != self.rows:
            before = self.rows
            with self._told(f"change to {rows} rows", rioserrors.ImageWriteError):
                if self.room and rows > before:
                    self.room.take(rows * sum(map(self._size, self.columns)))
                self.rat.set_rows(rows)
                # in a file, there may be anything
                for place in range(len(self.columns) if self.rat.is_in_file else 0):
                    self._clear(place, before)

    def need(self, wanted: Column, *, clear: bool = True) -> Column:
        """Return the column of a name; make it if it is missing.

        With ``clear=False`` the caller writes all rows of it.
        """
        planned = self.planned(wanted)
        name = planned.name
        if name == wanted.name and name in self.names:
            return self.column(name)
        if name not in self.names:
            number = len(self.names)
            with self._told(f"make column '{wanted.name}'", rioserrors.ImageWriteError):
                # GDAL makes another name of a usage, if it is not this one
                if self.room:
                    self.room.take(self.rows * self._size(planned))
                own = self._known.column_names.get(planned.usage, name) == name
                self.rat.create(planned if own else planned._replace(usage=ColumnUsage.Generic))
                self._columns = None
                if self.rat.is_in_file and clear:
                    self._clear(number, 0)
        if name not in self.names:
            raise rioserrors.ImageWriteError(
                f"Unable to make column '{name}' of {self.place}: its format calls it "
                f"'{self.names[-1]}'; give it another name"
            )
        made = self.column(name)
        if (made.name, planned.usage) != (wanted.name, wanted.usage):
            logger.warning(
                "Column '%s' of %s is kept as '%s' with usage %s: its format knows a column's "
                "usage by its name only",
                *(wanted.name, self.place, made.name, planned.usage.name),
            )
        return made

    def _check_name(self, name: str) -> None:
        why = "it has a zero in it, at which GDAL would end it" if "\0" in name else None
        try:
            name.encode()
        except UnicodeEncodeError as error:
            why = f"it is no UTF-8 ({error.reason})"
        if self.rat.is_in_xml:
            why = why or why_no_xml(name)
        why = why or self._known.why_no_column(name)
        if why is not None:
            raise rioserrors.AttributeTableColumnError(
                f"Unable to make column {name!r} of {self.place}: {why}; give it another name"
            )

    def clear(self, name: str, start: int) -> None:
        """Write 0, empty text, false or no date into all rows from one on."""
        with self._told(f"write column '{name}'", rioserrors.ImageWriteError):
            self._clear(self.number_of(name), start)

    def _clear(self, place: int, start: int) -> None:
        kind = self.columns[place].type
        for first in range(start, self.rows, _ROWS):
            self._put(place, first, blank(kind, min(_ROWS, self.rows - first)))

    def write(self, name: str, values: ArrayLike, start: int = 0) -> None:
        """Write rows of a column; raise if it cannot hold the values unchanged."""
        self.store(name, self.fitted(self.column(name), values), start)

    def planned(self, wanted: Column) -> Column:
        """Return the column of a name as it is or would be; raise if it cannot be made."""
        return self.all_planned([wanted])[0]

    def all_planned(self, wanted: Sequence[Column]) -> list[Column]:
        """Return columns as they are or would be together; raise if one cannot be made."""
        names, planned = list(self.names), list[Column]()
        for column in wanted:
            made = self._planned(column, names)
            planned.append(made)
            names.append(made.name)
        return planned

    def _planned(self, wanted: Column, names: list[str]) -> Column:
        known = self._known
        name = known.column_names.get(wanted.usage, wanted.name)
        for there in (wanted.name, name):
            if there in self.names:
                return self.column(there)
        self._check_name(name)
        self._check_alike(name, names)
        usage = _usage_of(name, known.column_names) if known.column_names else wanted.usage
        kind = known.column_types.get(usage, wanted.type)
        return Column(name, ColumnType(kind), ColumnUsage(usage))

    def _check_alike(self, name: str, names: list[str]) -> None:
        if not self._known.ignores_case:
            return
        alike = next((n for n in names if n != name and _lower(n) == _lower(name)), None)
        if alike is not None:
            raise rioserrors.AttributeTableColumnError(
                f"Unable to make column '{name}' of {self.place} beside '{alike}': its format "
                "takes no notice of capitals, and would lose one of the two; give it another name"
            )

    def may_refuse(self, planned: Column, kind: ColumnType) -> bool:
        """Tell whether a column may be unable to hold values of a type."""
        if kind is ColumnType.String and not self.rat.is_in_file:
            return True
        return planned.type is not kind or planned.usage in self._known.column_types

    def fitted(self, column: Column, values: ArrayLike) -> NDArray[Any] | list[bytes]:
        """Return values as a column takes them; raise if it cannot hold them unchanged."""
        try:
            cells = fitting(cells_of(values), column.type)
            if isinstance(cells, list):
                self._check_texts(cells)
            elif self._known.has_byte_colors and column.usage in _COLORS:
                check_colors(cells)
        except rioserrors.RiosError as error:
            raise type(error)(f"Column '{column.name}' of {self.place}: {error}") from None
        return cells

    def _check_texts(self, texts: list[bytes]) -> None:
        # in a file of its own, bytes are bytes
        if not self.rat.is_in_file:
            check_texts(texts, in_xml=self.rat.is_in_xml)

    def store(self, name: str, cells: NDArray[Any] | list[bytes], start: int = 0) -> None:
        """Write what :meth:`fitted` returned."""
        place = self.number_of(name)
        if start < 0 or start + len(cells) > self.rows:
            raise rioserrors.ArrayShapeError(
                f"Column '{name}' of {self.place}: {len(cells)} values from row {start} on are "
                f"too many for {self.rows} rows"
            )
        with self._told(f"write column '{name}'", rioserrors.ImageWriteError):
            if self.room and isinstance(cells, list):
                self.room.widen(name, max(map(len, cells), default=0) + 1, self.rows)
            self._put(place, start, cells)

    def _size(self, column: Column) -> int:
        """Return how many bytes a cell has in a file."""
        if self.room and column.type is ColumnType.String:
            return self.room.widths.get(column.name, 10)
        return 4 if column.type is ColumnType.Integer and not column.usage else 8

    def _put(self, place: int, start: int, cells: NDArray[Any] | list[bytes]) -> None:
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


def _usage_of(name: str, names: Mapping[int, str]) -> int:
    """Return the usage that a format sees in a name."""
    usages = {_lower(own): usage for usage, own in names.items()}
    return usages.get(_lower(name), ColumnUsage.Generic)


def _lower(name: str) -> bytes:
    # as GDAL does, of ASCII only
    return name.encode().lower()
