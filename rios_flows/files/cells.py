"""Values of attribute tables: their types, and whether a column holds them unchanged."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rios_flows import rioserrors
from rios_flows.gdal.tables import HAS_DATES
from rios_flows.gdal.tabletypes import DATES, ColumnType

logger = logging.getLogger(__name__)

_SMALLEST, _LARGEST = -(2**31), 2**31 - 1

#: What GDAL takes for columns of a type...
_TYPES: dict[ColumnType, Any] = {
    ColumnType.Integer: np.int32,
    ColumnType.Real: np.float64,
    ColumnType.DateTime: DATES,
}

#: ...and numpy's kinds of what they can hold.
_HELD = {
    ColumnType.Integer: "biuf",
    ColumnType.Real: "biuf",
    ColumnType.Boolean: "b",
    ColumnType.DateTime: "M",
}


def cells_of(values: ArrayLike) -> NDArray[Any]:
    """Return values as an array of one dimension."""
    # without the module, which takes a while to import, nothing has a mask
    if "numpy.ma" in sys.modules and np.ma.is_masked(values):
        raise rioserrors.AttributeTableTypeError(
            "some values are masked, and no column keeps a mask; fill them in with filled()"
        )
    cells = _of_list(values) if isinstance(values, list | tuple) else np.asarray(values)
    if cells.ndim != 1:
        raise rioserrors.ArrayShapeError(
            f"its shape is {cells.shape}; give one value for each row, shape (rows,)"
        )
    return cells


def _of_list(values: Sequence[Any]) -> NDArray[Any]:
    """Return an array of a list, of which numpy would change some values."""
    # numpy would cut zeros off text, and take as much for each as for the longest
    if values and isinstance(values[0], str | bytes):
        return np.array(values, dtype=object)
    try:
        made = np.asarray(values)
    except (ValueError, OverflowError):
        return np.array(values, dtype=object)
    if made.dtype.kind in "US":
        # numbers among text
        return np.array(values, dtype=object)
    if made.dtype.kind == "f" and made.ndim == 1:
        _check_rounded(values, made)
    return made


def _check_rounded(values: Sequence[Any], made: NDArray[Any]) -> None:
    """Raise if numpy has rounded an integer, as it does among floats."""
    for place in np.flatnonzero(np.isfinite(made) & (np.abs(made) > 2.0**53 - 1)).tolist():
        value = values[place]
        if isinstance(value, int | np.integer) and int(value) != int(made[place]):
            raise rioserrors.AttributeTableTypeError(
                f"{value} is among floats, and no float is equal to it; round it, or give integers"
            )


def type_of(cells: NDArray[Any]) -> ColumnType:
    """Return the type of column that holds values unchanged."""
    if cells.dtype.kind in "biu":
        return ColumnType.Integer if _is_short(cells) else ColumnType.Real
    if cells.dtype.kind == "f":
        return ColumnType.Real
    if _is_text(cells):
        return ColumnType.String
    if cells.dtype.kind == "M" and HAS_DATES:
        return ColumnType.DateTime
    dates = "dates or text" if HAS_DATES else "or text (dates come with GDAL 3.12)"
    raise rioserrors.AttributeTableTypeError(
        f"no column can hold {_kind(cells)}; give integers, floats, booleans, {dates}"
    )


def typed(cells: NDArray[Any]) -> tuple[ColumnType, NDArray[Any] | list[bytes]]:
    """Return the type of column that holds values unchanged, and the values as GDAL takes them."""
    kind = type_of(cells)
    if kind is ColumnType.Integer:
        # looked at already
        return kind, cells.astype(np.int32, copy=False)
    return kind, fitting(cells, kind)


def fitting(cells: NDArray[Any], kind: ColumnType) -> NDArray[Any] | list[bytes]:
    """Return values as GDAL takes them for a column; raise if it cannot hold them unchanged."""
    if kind in (ColumnType.String, ColumnType.Geometry):
        return _encoded(cells) if cells.size else []
    if cells.dtype.kind not in _HELD[kind]:
        raise _unfit(cells, kind)
    if kind is ColumnType.Boolean:
        return cells
    with np.errstate(invalid="ignore"):
        made: NDArray[Any] = cells.astype(_TYPES[kind], copy=False)
    if made is not cells and not _is_same(made, cells):
        raise _unfit(cells, kind)
    return made


def check_colors(cells: NDArray[Any] | list[bytes]) -> None:
    """Raise if a part of a colour is none that GDAL keeps."""
    if isinstance(cells, list) or not cells.size:
        return
    if cells.min() < 0 or cells.max() > 255:
        raise rioserrors.AttributeTableTypeError(
            f"its format takes it for a part of a colour, from 0 to 255, and there are values from "
            f"{cells.min()} to {cells.max()}; give it another name"
        )


def _is_same(made: NDArray[Any], cells: NDArray[Any]) -> bool:
    if cells.dtype.kind == "M":
        return bool(((made == cells) | np.isnat(cells)).all())
    if made.dtype.kind == "i":
        whole = cells.dtype.kind != "f" or bool((cells == np.floor(cells)).all())
        return whole and _is_short(cells)
    if cells.dtype.kind == "f" and cells.dtype.itemsize > 8:
        return bool(((made == cells) | np.isnan(cells)).all())
    if cells.dtype.kind in "iu" and cells.dtype.itemsize == 8:
        # an integer above 2**53 may lie between two floats, or be rounded beyond the largest
        inside = made < 2.0 ** (64 if cells.dtype.kind == "u" else 63)
        return bool(inside.all() and (made.astype(cells.dtype) == cells).all())
    return True


def blank(kind: ColumnType, rows: int) -> NDArray[Any] | list[bytes]:
    """Return what rows hold that have no value, as GDAL takes it."""
    if kind in (ColumnType.String, ColumnType.Geometry):
        return [b""] * rows
    if kind is ColumnType.DateTime:
        return np.full(rows, "NaT", DATES)
    return np.zeros(rows, np.bool_ if kind is ColumnType.Boolean else np.float64)


def as_strings(texts: list[bytes], told: str) -> NDArray[Any]:
    """Return text as numpy's ``StringDType``."""
    try:
        decoded = [text.decode() for text in texts]
    except UnicodeDecodeError:
        logger.warning(
            "Some text of %s is no UTF-8, and gets U+FFFD where it cannot be read; read it as "
            "bytes to have all of it",
            told,
        )
        decoded = [text.decode(errors="replace") for text in texts]
    return np.array(decoded, dtype=np.dtypes.StringDType())


def _is_short(cells: NDArray[Any]) -> bool:
    if cells.dtype.kind == "b" or np.can_cast(cells.dtype, np.int32):
        return True
    return not cells.size or bool(cells.min() >= _SMALLEST and cells.max() <= _LARGEST)


def _is_text(cells: NDArray[Any]) -> bool:
    if cells.dtype.kind == "O" or hasattr(cells.dtype, "na_object"):
        return all(isinstance(cell, str | bytes) for cell in cells)
    return cells.dtype.kind in "UST"


def _encoded(cells: NDArray[Any]) -> list[bytes]:
    if not _is_text(cells):
        raise _unfit(cells, ColumnType.String)
    try:
        texts = [cell if isinstance(cell, bytes) else cell.encode() for cell in cells.tolist()]
    except UnicodeEncodeError as error:
        raise rioserrors.AttributeTableTypeError(
            f"{error.object!r} cannot be written as UTF-8 ({error.reason}); take that out"
        ) from None
    ended = next((text for text in texts if b"\0" in text), None)
    if ended is not None:
        raise rioserrors.AttributeTableTypeError(
            f"{ended!r} has a zero in it, at which GDAL would end it; take it out"
        )
    return texts


def _unfit(cells: NDArray[Any], kind: ColumnType) -> rioserrors.AttributeTableTypeError:
    span = f" from {cells.min()} to {cells.max()}" if cells.dtype.kind in "iuf" else ""
    return rioserrors.AttributeTableTypeError(
        f"it is of type {kind.name}, which cannot hold all of {_kind(cells)}{span} unchanged; "
        "convert them, or write a column of another name"
    )


def _kind(cells: NDArray[Any]) -> str:
    if cells.dtype.kind == "O" or hasattr(cells.dtype, "na_object"):
        kinds = sorted({type(cell).__name__ for cell in cells})
        return f"objects ({', '.join(kinds)})"
    return str(cells.dtype)
