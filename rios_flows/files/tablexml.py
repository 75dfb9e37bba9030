"""Attribute tables in the side-car file ``.aux.xml``, written anew and put in the old one's place.

GDAL itself rounds floats to 16 digits there, drops blanks around text, and writes over the old
file.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import starmap
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from rios_flows import rioserrors
from rios_flows.gdal.tables import Column, ColumnType, Rat

_NAME = "GDALRasterAttributeTable"
_TABLE = re.compile(rf"<{_NAME}\b[^>]*?(?:/>|>.*?</{_NAME}>)", re.DOTALL)
_PLACE = re.compile(rf'<{_NAME} place="(\d+)" />')

#: How many rows are held at a time.
_ROWS = 100_000

#: What no XML can hold.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


def with_table(old: str, band: int, rat: Rat | None) -> Iterator[str]:
    """Return the pieces of a side-car file in which a band has another table, or none."""
    kept = _TABLE.findall(old)
    numbers = iter(range(len(kept)))
    small = _TABLE.sub(lambda _: f'<{_NAME} place="{next(numbers)}" />', old)
    root = ElementTree.fromstring(small) if small else ElementTree.Element("PAMDataset")
    place = root.find(f"PAMRasterBand[@band='{band}']")
    if place is None:
        place = ElementTree.SubElement(root, "PAMRasterBand", band=str(band))
    for before in place.findall(_NAME):
        place.remove(before)
    if rat is not None:
        ElementTree.SubElement(place, _NAME, place=str(len(kept)))
    ElementTree.indent(root)
    pieces = _PLACE.split(ElementTree.tostring(root, encoding="unicode"))
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            yield piece
        elif int(piece) < len(kept):
            yield kept[int(piece)]
        elif rat is not None:
            yield from _written(rat)


def _written(rat: Rat) -> Iterator[str]:
    yield f'<{_NAME} tableType="thematic">\n'
    yield from starmap(_definition, enumerate(rat.columns))
    for start in range(0, rat.rows, _ROWS):
        yield _rows(rat, start, min(_ROWS, rat.rows - start))
    yield f"</{_NAME}>"


def _definition(index: int, column: Column) -> str:
    return (
        f'<FieldDefn index="{index}"><Name>{_escaped(column.name, column.name)}</Name>'
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
    return [_escaped(text.decode(errors="replace"), column.name) for text in texts]


def _escaped(text: str, column: str) -> str:
    if _CONTROL.search(text):
        raise rioserrors.AttributeTableTypeError(
            f"column '{column}': no XML can hold the control character in {text!r}; take it out"
        )
    escaped = escape(text)
    if text != text.strip() or "\r" in text:
        # blanks around text would be dropped, but not their numbers
        escaped = "".join(f"&#{ord(sign)};" if sign.isspace() else sign for sign in escaped)
    return escaped


def rounded(rat: Rat) -> list[str]:
    """Return the columns of a table that GDAL itself would round."""
    return [
        column.name
        for place, column in enumerate(rat.columns)
        if column.type is ColumnType.Real and any(map(_is_long, _reals(rat, place)))
    ]


def _reals(rat: Rat, place: int) -> Iterator[float]:
    for start in range(0, rat.rows, _ROWS):
        yield from rat.read_reals(place, start, min(_ROWS, rat.rows - start)).tolist()


def _is_long(value: float) -> bool:
    return value == value and float(f"{value:.16g}") != value


def old_text(name: str) -> str:
    """Return what is in a side-car file; nothing if there is none."""
    try:
        with open(name, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def put(name: str, pieces: Iterable[str]) -> None:
    """Write a file beside its place and put it there, so that a kill leaves the old one."""
    directory, base = os.path.split(os.path.abspath(name))
    beside = os.path.join(directory, f".{base}.{secrets.token_hex(8)}")
    try:
        with open(beside, "x", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(name):
            os.chmod(beside, os.stat(name).st_mode & 0o7777)
        os.replace(beside, name)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        raise


def put_back(name: str, old: str) -> None:
    """Make a side-car file what it was before."""
    if old:
        put(name, [old])
    else:
        os.unlink(name)
