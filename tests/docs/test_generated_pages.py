"""Pages that are made from data or code are current, and what they promise is there."""

from __future__ import annotations

import importlib
import inspect
import json
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rios_flows.controls import ApplierControls
from rios_flows.controls.options import CONTROLS

ROOT = Path(__file__).parents[2]
SURFACE = json.loads((ROOT / "tests" / "data" / "rios_surface.json").read_text())
ROWS = [row for group in SURFACE["groups"] for row in group["names"]]
#: Stands for an attribute that instances have.
ATTRIBUTE = object()
STATUSES = ("same", "new", "differs", "refused")


def find(name: str) -> Any:
    """Return what a dotted name below rios_flows stands for; raises where it does not exist."""
    module, *parts = name.split(".")
    if module[0].isupper():
        # of the package itself
        module, parts = "version", [module]
    found: Any = importlib.import_module(f"rios_flows.{module}")
    for part in parts:
        if inspect.isclass(found) and part in _all_annotations(found):
            return ATTRIBUTE
        found = inspect.getattr_static(found, part)
    return found


def _all_annotations(cls: type) -> set[str]:
    return {name for base in cls.__mro__ for name in vars(base).get("__annotations__", {})}


def described(found: Any) -> str:
    """Write what the data file says of a thing: signature, bases, value or the word attribute."""
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    if isinstance(found, property) or found is ATTRIBUTE:
        return "attribute"
    if inspect.isclass(found) and issubclass(found, Exception):
        return f"({', '.join(base.__name__ for base in found.__bases__)})"
    if isinstance(found, int | str | list | tuple | None) and not inspect.isclass(found):
        return f"= {_value(found)}"
    if not callable(found):
        return "= a module" if inspect.ismodule(found) else f"= a {_kind(found)}"
    if found is str:
        return "= str"
    signature = inspect.signature(found)
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def _value(found: Any) -> str:
    """Write a constant; of types their names."""
    if isinstance(found, tuple) and all(isinstance(item, type) for item in found):
        return f"({', '.join(item.__name__ for item in found)})"
    return repr(found)


def _kind(found: Any) -> str:
    if isinstance(found, Mapping):
        return "mapping"
    return "set" if isinstance(found, frozenset) else "stream"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_surface_is_as_promised(row: dict[str, Any]) -> None:
    assert row["status"] in STATUSES
    # whoever reads the table wants to know how it differs, and why not
    assert row.get("reason") or row["status"] == "same"
    if row["signature"] is None:
        assert row["status"] == "refused", "promised, and not there"
        with pytest.raises((ImportError, AttributeError)):
            find(row["name"])
    else:
        assert described(find(row["name"])) == row["signature"]


def test_each_name_is_in_the_table_once() -> None:
    names = [row["name"] for row in ROWS]
    assert sorted(set(names)) == sorted(names)


def test_every_setter_is_in_the_table() -> None:
    named = {row["name"].rpartition(".")[2] for row in ROWS}
    public = {name for name in vars(ApplierControls) if not name.startswith("_")}
    # the page names a control that RIOS does not have by its declaration
    assert public <= named | {each.setter for each in CONTROLS.values()}


@pytest.mark.parametrize("row", SURFACE["environment"], ids=lambda row: row["name"])
def test_environment_variables_are_honoured(
    row: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert getattr(ApplierControls(), row["attribute"]) != row["becomes"]
    monkeypatch.setenv(row["name"], row["example"])
    assert getattr(ApplierControls(), row["attribute"]) == row["becomes"]


def test_compatibility_page_is_current() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "build_compatibility.py"))["render"](SURFACE)
    page = (ROOT / "docs" / "compatibility.md").read_text()
    assert page == made, "run: python docs/build_compatibility.py"


def test_page_of_controls_is_current() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "build_controls.py"))["render"]()
    page = (ROOT / "docs" / "controls.md").read_text()
    assert page == made, "run: python docs/build_controls.py"


def test_floors_of_the_design_page_are_current() -> None:
    page = (ROOT / "docs" / "design.md").read_text()
    made = runpy.run_path(str(ROOT / "docs" / "build_layers.py"))["inserted"](page)
    assert page == made, "run: python docs/build_layers.py"


def test_every_generator_has_a_way_to_be_run() -> None:
    told = (ROOT / "Makefile").read_text() + (ROOT / "docs" / "contributing.md").read_text()
    generators = {path.name for path in (ROOT / "docs").glob("build_*.py")}
    assert generators == {name for name in generators if f"python docs/{name}" in told}


@pytest.mark.slow
def test_site_builds(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "compatibility" / "index.html").stat().st_size > 10_000
    # nothing is fetched from elsewhere when a page is shown
    assert "fonts.g" not in (tmp_path / "index.html").read_text()
