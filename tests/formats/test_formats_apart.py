"""Drivers are known by name in one room only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rios_flows
from rios_flows.formats.drivers import driver_names

PACKAGE = Path(rios_flows.__file__).parent

#: Names of drivers that are words of other meanings as well: pictures of a run are PNGs, made by
#: another library.
WORDS = {"HTTP", "PNG", "R"}


def texts(source: str) -> Iterator[str]:
    """Return all texts of a module but its docstrings."""
    tree = ast.parse(source)
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in documented:
            yield text


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        # the library zarr is no driver of GDAL
        if "formats" not in path.parts and path.name != "zarrtables.py"
    ],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_only_formats_name_drivers(path: Path) -> None:
    known = {*driver_names(), "KEA", "OpenFileGDB", "SQLite"} - WORDS
    named = [text for text in texts(path.read_text()) if known.intersection(text.split())]
    assert not named
