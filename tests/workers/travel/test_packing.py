"""Objects are packed, or the part in the way is named."""

from __future__ import annotations

import pickle
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rios_flows import rioserrors
from rios_flows.workers.travel.obstacles import Place
from rios_flows.workers.travel.packing import packed


def starts_at(name: str, value: Any) -> Any:
    return lambda: [Place(name, value)]


def refused(name: str, value: Any) -> str:
    with pytest.raises(rioserrors.ParameterError) as caught:
        packed(value, starts_at(name, value))
    return str(caught.value)


def test_a_local_function() -> None:
    data = packed(lambda: 42, starts_at("the user function", None))
    assert pickle.loads(data)() == 42


def test_the_part_in_the_way_is_named() -> None:
    message = refused("otherArgs", {"kept": 1, "lock": threading.Lock()})
    assert message.startswith("otherArgs['lock'] (a thread lock) cannot be sent to compute workers")
    assert message.endswith("make it inside the user function, or keep it out of otherArgs")
    assert refused("the user function", threading.Lock()).endswith(
        "make it inside the user function"
    )


def test_what_cannot_be_searched_is_still_refused() -> None:
    value = threading.Lock()
    with pytest.raises(rioserrors.ParameterError, match="the job"):
        packed(value, list)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """A module beside the script that has a lock."""
    made = ModuleType("beside_with_lock")
    made.__file__ = str(tmp_path / "beside_with_lock.py")
    code = "import threading\nlock = threading.Lock()\nvalue = 42\n"
    code += "def free(): return value\ndef guarded():\n    with lock:\n        return value\n"
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setitem(sys.modules, made.__name__, made)
    exec(code, vars(made))
    return made


def test_members_that_nothing_uses_stay_behind(module: ModuleType) -> None:
    data = packed(module.free, starts_at("the user function", module.free))
    assert pickle.loads(data)() == 42


def test_members_that_something_uses_are_refused(module: ModuleType) -> None:
    def function() -> object:
        return module.lock

    with pytest.raises(rioserrors.ParameterError, match="lock"):
        packed(function, starts_at("the user function", function))
