"""What Debian's gdalinfo, of another GDAL than rasterio's, says of attribute tables."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

_START, _END = "<GDALRasterAttributeTable", "</GDALRasterAttributeTable>"


def tables(path: Path) -> list[ElementTree.Element]:
    """Return the tables of a raster, one for each band that has one."""
    parts = _told(path).split(_START)[1:]
    return [ElementTree.fromstring(_START + part[: part.index(_END) + len(_END)]) for part in parts]


def _told(path: Path) -> str:
    command = ["gdalinfo", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=240).stdout


def cells(path: Path) -> list[str]:
    """Return the cells of a table with one column, which may be too long for a tree of XML."""
    return re.findall("<F>(.*?)</F>", _told(path))


def columns(path: Path) -> list[list[Any]]:
    """Return the columns of the first table: name, type, usage, and the cells as text."""
    root = tables(path)[0]
    cells = [[cell.text or "" for cell in row.findall("F")] for row in root.findall("Row")]
    fields = root.findall("FieldDefn")
    # without a row, there are still columns
    values = [list(column) for column in zip(*cells, strict=True)] or [[] for _ in fields]
    return [
        [field.findtext("Name"), field.findtext("Type"), field.findtext("Usage"), column]
        for field, column in zip(fields, values, strict=True)
    ]
