"""Which modules lie beside the script."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

import rios_flows
from rios_flows.workers.travel.beside import modules_beside


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def loaded(monkeypatch: pytest.MonkeyPatch, name: str, file: Path) -> ModuleType:
    module = ModuleType(name)
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def test_modules_in_and_below_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    near = loaded(monkeypatch, "near", folder / "near.py")
    below = loaded(monkeypatch, "parts.below", folder / "parts" / "below.py")
    found = modules_beside()
    assert near in found
    assert below in found


@pytest.mark.parametrize(
    "file",
    ["../elsewhere.py", "compiled.so", ".venv/lib/python3/site-packages/installed.py"],
    ids=["elsewhere", "compiled", "installed"],
)
def test_others_are_not(folder: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    module = loaded(monkeypatch, "another", folder / file)
    assert module not in modules_beside()


def test_installed_modules_are_not() -> None:
    found = modules_beside()
    assert rios_flows not in found
    assert json not in found
    assert pytest not in found


def test_a_folder_reached_by_a_link(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(folder)
    module = loaded(monkeypatch, "linked", link / "linked.py")
    assert module in modules_beside()


def test_a_module_of_two_names_is_there_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # as the script is in a process that multiprocessing has started
    module = loaded(monkeypatch, "__mp_main__", folder / "script.py")
    monkeypatch.setitem(sys.modules, "__main__", module)
    assert modules_beside().count(module) == 1
