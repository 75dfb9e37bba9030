"""Attribute tables in Zarr: a group, with an array of one dimension for each column.

The usage of a column is the attribute ``usage`` of its array, GDAL's number. zarr is imported when
the first such table is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.files.attributes import Table
from rios_flows.files.changelock import one_change
from rios_flows.formats.format import Format
from rios_flows.gdal.tables import Rat
from rios_flows.gdal.tabletypes import DATES, Column, ColumnType, ColumnUsage

#: Rows in a chunk of a new column, the length of a block.
CHUNK = 100_000

_USAGE = "usage"

_DTYPES: dict[ColumnType, Any] = {
    ColumnType.Integer: np.dtype(np.int64),
    ColumnType.Real: np.dtype(np.float64),
    ColumnType.String: np.dtypes.StringDType(),
    ColumnType.Geometry: np.dtypes.StringDType(),
    ColumnType.Boolean: np.dtype(np.bool_),
    ColumnType.DateTime: DATES,
}

_TYPES = {
    **{"i": ColumnType.Integer, "u": ColumnType.Integer, "f": ColumnType.Real},
    **{"b": ColumnType.Boolean, "M": ColumnType.DateTime},
    **dict.fromkeys("TUOS", ColumnType.String),
}


class _Store(Format):
    """Columns have the types that they are given."""

    column_types: ClassVar = {}


@contextmanager
def reading_store(path: str) -> Iterator[Table]:
    """Give the table in a Zarr store to read."""
    try:
        group = _zarr().open_group(path, mode="r")
    except (OSError, ValueError) as error:
        raise rioserrors.ImageOpenError(
            f"Unable to open '{path}' as a Zarr group of columns: {error}"
        ) from error
    yield _table(group, path)


@contextmanager
def changing_store(path: str) -> Iterator[Table]:
    """Give the table in a Zarr store to change; make the store if there is none."""
    with one_change(path):
        try:
            group = _zarr().open_group(path, mode="a")
        except (OSError, ValueError) as error:
            raise rioserrors.ImageOpenError(
                f"Unable to open '{path}' as a Zarr group of columns, or to make it: {error}"
            ) from error
        yield _table(group, path)


def _table(group: Any, path: str) -> Table:
    try:
        rat = ZarrRat(group)
        lengths = {column.name: rat.length(column.name) for column in rat.columns}
    except OSError as error:
        raise rioserrors.ImageReadError(f"'{path}' is no table: {error}") from error
    if len(set(lengths.values())) > 1:
        raise rioserrors.ImageReadError(f"'{path}' is no table: its columns have {lengths} rows")
    return Table(rat, f"'{path}'", _Store)


def check_zarr() -> None:
    """Raise ParameterError if zarr is not installed."""
    _zarr()


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise rioserrors.ParameterError(
            "RatZarrHandle needs the package zarr: pip install 'rios_flows[zarr]'"
        ) from error
    return zarr


@contextmanager
def _as_oserror() -> Iterator[None]:
    """Raise whatever zarr raises as OSError, as GDAL's tables do."""
    try:
        yield
    except (rioserrors.RiosError, OSError):
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


class ZarrRat(Rat):
    """The columns of a group, with the methods of GDAL's tables."""

    #: What is new in it is empty.
    is_in_file = False
    is_in_xml = False

    def __init__(self, group: Any) -> None:
        self._group = group
        with _as_oserror():
            arrays = {name: array for name, array in group.arrays() if array.ndim == 1}
        self._arrays: dict[str, Any] = dict(sorted(arrays.items()))
        self._rows = max((array.shape[0] for array in arrays.values()), default=0)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self._rows

    def length(self, name: str) -> int:
        """Return how many rows a column has."""
        return int(self._arrays[name].shape[0])

    def set_rows(self, rows: int) -> None:
        """Make it longer; new rows hold zeros and empty text."""
        with _as_oserror():
            for array in self._arrays.values():
                array.resize((rows,))
        self._rows = rows

    @property
    def columns(self) -> list[Column]:
        """Its columns, by name."""
        return [
            Column(name, _type_of(array), _usage_of(array)) for name, array in self._arrays.items()
        ]

    def create(self, column: Column) -> None:
        """Add a column."""
        if "/" in column.name or column.name.startswith((".", "__")) or not column.name:
            raise OSError("Zarr takes no such name; leave out slashes, and dots at the start")
        with _as_oserror():
            array = self._group.create_array(
                column.name, shape=(self._rows,), dtype=_DTYPES[column.type], chunks=(CHUNK,)
            )
            array.attrs[_USAGE] = int(column.usage)
        self._arrays[column.name] = array

    def read_integers(self, place: int, start: int, rows: int) -> NDArray[np.int64]:
        """Read integers."""
        values = self._read(place, start, rows)
        if values.dtype == np.uint64 and values.size and values.max() >= 2**63:
            raise OSError("it has integers above 2**63")
        return values.astype(np.int64)

    def read_reals(self, place: int, start: int, rows: int) -> NDArray[np.float64]:
        """Read floats."""
        return self._read(place, start, rows).astype(np.float64)

    def read_booleans(self, place: int, start: int, rows: int) -> NDArray[np.bool_]:
        """Read booleans."""
        return self._read(place, start, rows)

    def read_dates(self, place: int, start: int, rows: int) -> NDArray[np.datetime64]:
        """Read dates, in UTC."""
        return self._read(place, start, rows).astype(DATES)

    def read_texts(self, place: int, start: int, rows: int) -> list[bytes]:
        """Read text, as UTF-8."""
        values = self._read(place, start, rows).tolist()
        return [text if isinstance(text, bytes) else str(text).encode() for text in values]

    def write(self, place: int, start: int, values: NDArray[Any]) -> None:
        """Write numbers, booleans or dates."""
        array = self._array(place)
        made = values.astype(array.dtype)
        if not _equal(made, values).all():
            raise rioserrors.AttributeTableTypeError(
                f"column '{array.basename}' is of type {array.dtype}, which cannot hold all values "
                "unchanged; write a column of another name"
            )
        self._write(array, start, made)

    def write_texts(self, place: int, start: int, texts: list[bytes]) -> None:
        """Write text in UTF-8."""
        array, made = self._array(place), [text.decode() for text in texts]
        # of numpy's types of text, some have a length
        width = getattr(array.dtype, "itemsize", 0) // 4 if array.dtype.kind == "U" else None
        if array.dtype.kind == "S" or (width is not None and any(len(t) > width for t in made)):
            raise rioserrors.AttributeTableTypeError(
                f"column '{array.basename}' is of type {array.dtype}, which cannot hold all text; "
                "write a column of another name"
            )
        self._write(array, start, np.array(made, dtype=np.dtypes.StringDType()))

    def _array(self, place: int) -> Any:
        return list(self._arrays.values())[place]

    def _read(self, place: int, start: int, rows: int) -> NDArray[Any]:
        with _as_oserror():
            return np.asarray(self._array(place)[start : start + rows])

    def _write(self, array: Any, start: int, values: NDArray[Any]) -> None:
        if len(values):
            with _as_oserror():
                array[start : start + len(values)] = values


def _equal(made: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    # neither NaN nor NaT is equal to itself
    same: NDArray[np.bool_] = (made == values) | ((made != made) & (values != values))
    return same


def _type_of(array: Any) -> ColumnType:
    try:
        return _TYPES[array.dtype.kind]
    except KeyError:
        raise OSError(
            f"column '{array.basename}' is of type {array.dtype}; remove it, or make it numbers, "
            "dates or text"
        ) from None


def _usage_of(array: Any) -> ColumnUsage:
    try:
        return ColumnUsage(array.attrs.get(_USAGE, ColumnUsage.Generic))
    except ValueError:
        return ColumnUsage.Generic
