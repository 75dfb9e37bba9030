"""Pickles of modules and of what is in them."""

from __future__ import annotations

import functools
import io
import pickle
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import pytest

from rios_flows.workers.travel import carrying

CODE = """
import functools
value = 42
def answer(): return value
@functools.lru_cache(maxsize=5)
def cached(): return value + 1
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    made = ModuleType("of_the_script")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    exec(CODE, vars(made))
    return made


def carried(value: Any, by_value: set[str], left_out: carrying.LeftOut | None = None) -> bytes:
    with io.BytesIO() as file:
        carrying.Pickler(file, frozenset(by_value), left_out or {}).dump(value)
        return file.getvalue()


def test_members_are_what_a_module_defines(module: ModuleType) -> None:
    assert {"value", "answer", "cached"} <= set(carrying.members(module))
    assert not {"__spec__", "__builtins__", "__loader__"} & set(carrying.members(module))


def test_a_module_by_name_and_by_value(module: ModuleType) -> None:
    assert pickle.loads(carried(module, set())) is module
    # the same process: what is here already is taken as it is
    assert pickle.loads(carried(module, {module.__name__})) is module
    assert len(carried(module, {module.__name__})) > len(carried(module, set()))


def test_a_cached_function_by_value(module: ModuleType) -> None:
    data = carried(module.cached, {module.__name__})
    assert b"_make_cached" in data
    assert b"_make_cached" not in carried(module.cached, set())
    made = carrying._make_cached({"maxsize": 5, "typed": False}, len)
    assert made.cache_parameters() == {"maxsize": 5, "typed": False}
    assert made("four") == 4


def test_functions_that_go_by_value_are_told() -> None:
    def local() -> int:
        return 1

    with io.BytesIO() as file:
        pickler = carrying.Pickler(file, frozenset(), {})
        pickler.dump([local, functools.reduce])
    assert pickler.functions == [local]


def test_a_member_that_stayed_behind_is_told(module: ModuleType) -> None:
    vars(module)["lock"] = threading.Lock()
    name = module.__name__
    with pytest.raises(TypeError, match="lock"):
        carried(module, {name})
    assert carried(module, {name}, {name: frozenset({"lock"})})
    there = ModuleType(name)
    carrying._fill(there, ({"value": 1}, frozenset({"lock"})))
    assert there.value == 1
    with pytest.raises(AttributeError, match=r"of_the_script.lock is not here: .*user function"):
        _ = there.lock
    with pytest.raises(AttributeError, match="has no attribute 'other'"):
        _ = there.other


def test_an_open_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w") as file, pytest.raises(TypeError, match="an open file"):
        carried(file, set())


def test_what_the_user_registered_stays(module: ModuleType) -> None:
    cloudpickle.register_pickle_by_value(module)
    try:
        with carrying.going_by_value() as names:
            assert {"__main__", module.__name__} <= names
        assert module.__name__ in cloudpickle.list_registry_pickle_by_value()
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    with carrying.going_by_value() as names:
        assert module.__name__ not in names
