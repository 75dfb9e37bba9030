"""Which names a function looks up, and what a store says of its files."""

from __future__ import annotations

import functools
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

import rios_flows.engine
from rios_flows.runs.resume import names, remote
from rios_flows.runs.resume.names import is_own, used_names
from tests.support.stores import Store, serving

LIMIT = 5


def helper() -> int:
    """Look up a name that its caller does not."""
    return len(names.__name__)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Make a module of the user's own, with a part."""
    module, part = ModuleType("own"), ModuleType("own.part")
    module.part, part.FACTOR = part, 3  # type: ignore[attr-defined]
    for each in (module, part):
        each.__file__ = f"/home/user/{each.__name__}.py"
        monkeypatch.setitem(sys.modules, each.__name__, each)
    return module


CODE = """
def function():
    local = LIMIT
    inner = lambda: helper() + own.part.FACTOR
    return inner() + np.zeros(local).sum() + math.pi + missing
"""


def made(own: ModuleType, code: str) -> FunctionType:
    """Make a function of a module that knows some names."""
    space = {"own": own, "np": np, "math": math, "LIMIT": LIMIT, "helper": helper, "unused": 1}
    exec(code, space)
    function: FunctionType = space["function"]  # type: ignore[assignment]
    return function


def test_names_of_a_function_and_of_those_inside_it(own: ModuleType) -> None:
    assert used_names(made(own, CODE)) == {
        "LIMIT": LIMIT,
        "helper": helper,
        # of the user's own modules that which is used, of others the module
        "own.part.FACTOR": 3,
        "np": np,
        "math": math,
    }


def test_an_attribute_that_is_not_there_yet(own: ModuleType) -> None:
    function = made(own, "def function():\n    return own.part.later")
    assert used_names(function) == {"own.part": own.__dict__["part"]}


@pytest.mark.parametrize(
    ("module", "mine"),
    [
        (__name__, True),
        ("no_module_has_made_it", True),
        (rios_flows.engine.__name__, False),
        (np.__name__, False),
        (pytest.__name__, False),
        (json.__name__, False),
        (functools.__name__, False),
        # built into Python
        ("sys", False),
    ],
)
def test_modules_of_the_users_own(module: str, mine: bool) -> None:
    assert is_own(module) is mine


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "a.tif").write_bytes(b"twelve bytes")
    with serving(tmp_path) as store:
        yield store


def version(store: Store, headers: dict[str, str], name: str = "a.tif") -> Any:
    """Ask for a file's version, of a store that sends such headers."""
    usual = store.respond

    def respond(path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        status, sent, body = usual(path, wanted)
        return status, sent | headers, body

    store.respond = respond  # type: ignore[method-assign]
    url = f"http://{store.address}/{name}"
    return remote.version_of(f"/vsicurl/{url}", url)


def test_a_store_tells_tag_time_and_size_without_sending_the_file(store: Store) -> None:
    when = "Wed, 01 May 2024 10:00:00 GMT"
    found = version(store, {"ETag": '"one"', "Last-Modified": when})
    assert found == ('"one"', when, "12")
    assert sum(request.sent for request in store.requests) <= 12


def test_either_of_them_will_do(store: Store) -> None:
    assert version(store, {"ETag": '"two"'}) == ('"two"', "", "12")


def test_a_store_that_tells_of_no_change(store: Store) -> None:
    assert version(store, {}) is None
    assert version(store, {}, "nothing.tif") is None
