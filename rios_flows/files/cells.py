"""Values of attribute tables: their types, and whether a column holds them unchanged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rios_flows import rioserrors
from rios_flows.gdal.tables import ColumnType

_SMALLEST, _LARGEST = -(2**31), 2**31 - 1


def cells_of(values: ArrayLike) -> NDArray[Any]:
    """Return values as an array of one dimension."""
    cells = np.asarray(values)
    if cells.ndim != 1:
        raise rioserrors.ArrayShapeError(
            f"its shape is {cells.shape}; give one value for each row, shape (rows,)"
        )
    return cells


def type_of(cells: NDArray[Any]) -> ColumnType:
    """Return the type of column that holds values unchanged."""
    if cells.dtype.kind in "biu":
        return ColumnType.Integer if _is_short(cells) else ColumnType.Real
    if cells.dtype.kind == "f":
        return ColumnType.Real
    if _is_text(cells):
        return ColumnType.String
    raise rioserrors.AttributeTableTypeError(
        f"no column can hold {_kind(cells)}; give integers, floats, booleans or text"
    )


def fitting(cells: NDArray[Any], kind: ColumnType) -> NDArray[Any] | list[bytes]:
    """Return values as GDAL takes them for a column; raise if it cannot hold them unchanged."""
    if kind is ColumnType.String:
        return _encoded(cells) if cells.size else []
    if cells.dtype.kind not in "biuf":
        raise _unfit(cells, kind)
    if kind is ColumnType.Integer:
        whole = cells.dtype.kind != "f" or bool((cells == np.floor(cells)).all())
        if not (whole and _is_short(cells)):
            raise _unfit(cells, kind)
        return cells.astype(np.int32)
    reals = cells.astype(np.float64)
    if cells.dtype.kind in "iu" and cells.dtype.itemsize == 8:
        # an integer above 2**53 may lie between two floats
        inside = np.abs(reals) < 2.0**63
        if not inside.all() or (reals.astype(cells.dtype) != cells).any():
            raise _unfit(cells, kind)
    return reals


def as_strings(texts: list[bytes]) -> NDArray[Any]:
    """Return text as numpy's ``StringDType``."""
    decoded = [text.decode(errors="replace") for text in texts]
    return np.array(decoded, dtype=np.dtypes.StringDType())


def _is_short(cells: NDArray[Any]) -> bool:
    return not cells.size or bool(cells.min() >= _SMALLEST and cells.max() <= _LARGEST)


def _is_text(cells: NDArray[Any]) -> bool:
    if cells.dtype.kind == "O":
        return all(isinstance(cell, str | bytes) for cell in cells)
    return cells.dtype.kind in "UST"


def _encoded(cells: NDArray[Any]) -> list[bytes]:
    if not _is_text(cells):
        raise _unfit(cells, ColumnType.String)
    texts = [cell if isinstance(cell, bytes) else cell.encode() for cell in cells.tolist()]
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
    return "objects" if cells.dtype.kind == "O" else str(cells.dtype)
