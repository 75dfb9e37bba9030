"""Every module of rios_flows is named by a test: one imports it, or stands in for a part of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import rios_flows

PACKAGE = Path(rios_flows.__file__).parent
TESTS = Path(__file__).parent


def modules() -> set[str]:
    """Every module by its full name. A package's `__init__` says only what the package is about."""
    paths = (path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py"))
    return {".".join(path.with_suffix("").parts) for path in paths if path.name != "__init__.py"}


def names_in(tree: ast.AST) -> Iterator[str]:
    """The dotted names that a test imports, or that it gives as a text (to `monkeypatch`)."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.Constant(value=str(text)) if text.startswith("rios_flows."):
                yield text
                yield text.rpartition(".")[0]


def named_by_tests() -> set[str]:
    """What the tests name; this file, and what tests share, count for nothing."""
    paths = [path for path in TESTS.rglob("test_*.py") if path != Path(__file__)]
    return {name for path in paths for name in names_in(ast.parse(path.read_text("utf-8")))}


def test_every_module_is_named_by_a_test() -> None:
    missing = sorted(modules() - named_by_tests())
    assert not missing, (
        f"no test names {', '.join(missing)}: write one, in the directory of its room"
    )


def test_a_module_that_no_test_names_is_found() -> None:
    tree = ast.parse(
        "import a.b\nfrom c.d import e\npatch('rios_flows.f.g', 1)\npatch('no module')\n"
    )
    assert set(names_in(tree)) == {"a.b", "c.d", "c.d.e", "rios_flows.f.g", "rios_flows.f"}
