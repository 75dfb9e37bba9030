"""Attribute tables as the text of a side-car file.

GDAL itself rounds floats to 16 digits there, and drops blanks before text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import starmap
from xml.sax.saxutils import escape

from rios_flows import rioserrors
from rios_flows.files.celltexts import xml_text
from rios_flows.files.sidecar import TABLE
from rios_flows.gdal.tables import Rat
from rios_flows.gdal.tabletypes import Column, ColumnType

#: How many rows are held at a time.
_ROWS = 100_000


def written(rat: Rat) -> Iterator[str]:
    """Return the pieces of a table's text."""
    kind = "thematic" if rat.is_thematic else "athematic"
    binning = rat.binning
    rows = f' Row0Min="{binning.minimum!r}" BinSize="{binning.size!r}"' if binning else ""
    yield f'<{TABLE} tableType="{kind}"{rows}>\n'
    yield from starmap(_definition, enumerate(rat.columns))
    for start in range(0, rat.rows, _ROWS):
        yield _rows(rat, start, min(_ROWS, rat.rows - start))
    yield f"</{TABLE}>"


@contextmanager
def _told(column: str) -> Iterator[None]:
    try:
        yield
    except rioserrors.AttributeTableTypeError as error:
        raise rioserrors.AttributeTableTypeError(f"column {column!r}: {error}") from None


def _definition(index: int, column: Column) -> str:
    with _told(column.name):
        name = _escaped(xml_text(column.name.encode()))
    return (
        f'<FieldDefn index="{index}"><Name>{name}</Name>'
        f"<Type>{column.type:d}</Type><Usage>{column.usage:d}</Usage></FieldDefn>\n"
    )


def _rows(rat: Rat, start: int, rows: int) -> str:
    columns = [_texts(rat, place, column, start, rows) for place, column in enumerate(rat.columns)]
    lines = (
        f'<Row index="{start + row}"><F>{"</F><F>".join(cells)}</F></Row>\n'
        for row, cells in enumerate(zip(*columns, strict=True))
    )
    return "".join(lines)


def _texts(rat: Rat, place: int, column: Column, start: int, rows: int) -> list[str]:
    if column.type is ColumnType.Integer:
        return list(map(str, rat.read_integers(place, start, rows).tolist()))
    if column.type is ColumnType.Real:
        return list(map(repr, rat.read_reals(place, start, rows).tolist()))
    texts = rat.read_texts(place, start, rows)
    with _told(column.name):
        return [_escaped(xml_text(text)) for text in texts]


def _escaped(text: str) -> str:
    escaped = escape(text)
    if text != text.strip() or "\r" in text:
        # blanks around text would be dropped, but not their numbers
        escaped = "".join(f"&#{ord(sign)};" if sign.isspace() else sign for sign in escaped)
    return escaped


def changed_by_gdal(rat: Rat) -> list[str]:
    """Return the columns of a table that GDAL itself would change: floats, and blanks of text."""
    return [
        column.name
        for place, column in enumerate(rat.columns)
        if column.name[:1].isspace() or _is_changed(rat, place, column.type)
    ]


def _is_changed(rat: Rat, place: int, kind: ColumnType) -> bool:
    pieces = [(start, min(_ROWS, rat.rows - start)) for start in range(0, rat.rows, _ROWS)]
    if kind is ColumnType.Real:
        return any(any(map(_is_long, rat.read_reals(place, *piece).tolist())) for piece in pieces)
    if kind is ColumnType.String:
        texts = (text for piece in pieces for text in rat.read_texts(place, *piece))
        return any(text[:1].isspace() for text in texts)
    return False


def _is_long(value: float) -> bool:
    return value == value and float(f"{value:.16g}") != value
