"""Drivers are known by name in one room only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rios_flows
from rios_flows.formats.drivers import driver_names

PACKAGE = Path(rios_flows.__file__).parent

#: Words that are drivers' names and something else as well.
OTHERS = {
    # what pictures of a run are encoded as, by another library
    "reports/pictures/canvas.py": {"PNG"},
}


def texts(source: str) -> Iterator[str]:
    """Return all texts of a module but its docstrings."""
    tree = ast.parse(source)
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in documented:
                yield node.value


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PACKAGE.rglob("*.py")) if "formats" not in path.parts],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_only_formats_name_drivers(path: Path) -> None:
    known = {*driver_names(), "KEA", "OpenFileGDB", "SQLite"}
    known -= OTHERS.get(path.relative_to(PACKAGE).as_posix(), set())
    named = [text for text in texts(path.read_text()) if known.intersection(text.split())]
    assert not named
