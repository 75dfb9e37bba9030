"""Side-car files ``.aux.xml``: changed as a whole, written anew and put in the old one's place.

GDAL itself writes over the old file, so that a kill leaves half of one. Attribute tables, which may
have millions of rows, are passed on as text.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from xml.etree import ElementTree
from xml.parsers import expat

#: The element of an attribute table.
TABLE = "GDALRasterAttributeTable"

_TABLE = re.compile(rf"<{TABLE}\b[^>]*?(?:/>|>.*?</{TABLE}>)", re.DOTALL)
_PLACE = re.compile(rf'<{TABLE} place="(\w+)" />')
_NEW = "new"


class NotWholeError(OSError):
    """A side-car file that is no XML."""


def changed(
    name: str, change: Callable[[ElementTree.Element], None], table: Iterable[str] = ()
) -> str:
    """Change a side-car file, or make it; return the old text, or raise OSError: then it stays.

    The pieces of ``table`` go where :func:`add_table` made room.
    """
    old = old_text(name)
    try:
        put(name, _rewritten(old, change, table))
    except expat.ExpatError as error:
        raise _not_whole(name, error) from error
    return old


def _not_whole(name: str, error: Exception) -> NotWholeError:
    return NotWholeError(f"'{os.path.basename(name)}' is not whole: {error}")


def band_of(root: ElementTree.Element, band: int) -> ElementTree.Element:
    """Return the element of a band; make it if it is missing."""
    found = root.find(f"PAMRasterBand[@band='{band}']")
    return ElementTree.SubElement(root, "PAMRasterBand", band=str(band)) if found is None else found


def add_table(band: ElementTree.Element) -> None:
    """Make room for a new table of a band, in place of its old one."""
    for old in band.findall(TABLE):
        band.remove(old)
    ElementTree.SubElement(band, TABLE, place=_NEW)


def _rewritten(
    old: str, change: Callable[[ElementTree.Element], None], table: Iterable[str]
) -> Iterator[str]:
    kept = _TABLE.findall(old)
    numbers = iter(range(len(kept)))
    small = _TABLE.sub(lambda _: f'<{TABLE} place="{next(numbers)}" />', old)
    root = _parsed(small) if small else ElementTree.Element("PAMDataset")
    change(root)
    ElementTree.indent(root)
    pieces = _PLACE.split(ElementTree.tostring(root, encoding="unicode"))
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            yield piece
        elif piece == _NEW:
            yield from table
        else:
            yield kept[int(piece)]


def _parsed(text: str) -> ElementTree.Element:
    """Parse XML with its comments, and with prefixes as they are.

    ElementTree itself gives names of its own to namespaces, and drops those that only values use,
    as in ``xsi:type="typens:PolynomialXform"`` of ArcGIS.
    """
    builder = ElementTree.TreeBuilder(insert_comments=True)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler, parser.CommentHandler = builder.data, builder.comment
    parser.Parse(text, True)
    return builder.close()


def old_text(name: str) -> str:
    """Return what is in a side-car file; nothing if there is none."""
    try:
        with open(name, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise _not_whole(name, error) from error


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
