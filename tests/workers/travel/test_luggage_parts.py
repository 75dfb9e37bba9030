"""The parts that packing for another process is made of, each by itself."""

from __future__ import annotations

import functools
import json
import os
import pickle
import queue
import re
import sys
import threading
import time
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.workers.network import patience
from rios_flows.workers.network.proxies import Proxy
from rios_flows.workers.travel import identities
from rios_flows.workers.travel.beside import modules_beside
from rios_flows.workers.travel.carrying import going_by_value, members
from rios_flows.workers.travel.obstacles import Place, Search, description
from rios_flows.workers.travel.packing import packed
from rios_flows.workers.travel.references import globals_used, members_used
from rios_flows.workers.travel.surroundings import (
    Surroundings,
    set_warning_filters,
    surroundings,
    warning_filters,
)

LIMIT = 5


# modules beside the script


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Have the script in a folder with a module of its own, which is loaded."""
    main = types.ModuleType("__main__")
    main.__file__ = str(tmp_path / "script.py")
    helper = types.ModuleType("helper")
    helper.__file__ = str(tmp_path / "parts" / "helper.py")
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setitem(sys.modules, "helper", helper)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return helper


def test_modules_beside_the_script(
    script: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert modules_beside() == [script]
    for file in (
        tmp_path / "env" / "site-packages" / "helper.py",
        tmp_path / "parts" / "helper.so",
        tmp_path.parent / "elsewhere" / "helper.py",
    ):
        monkeypatch.setattr(script, "__file__", str(file))
        assert modules_beside() == []


def test_they_go_by_value_only_meanwhile(script: types.ModuleType) -> None:
    import cloudpickle

    before = cloudpickle.list_registry_pickle_by_value()
    with going_by_value() as names:
        assert names >= {"__main__", "helper"}
        assert "helper" in cloudpickle.list_registry_pickle_by_value()
    assert cloudpickle.list_registry_pickle_by_value() == before


def test_what_a_module_consists_of(script: types.ModuleType) -> None:
    script.__dict__.update(FACTOR=3, __spec__=None, __builtins__={})
    assert members(script).keys() >= {"FACTOR", "__name__", "__file__"}
    assert not members(script).keys() & {"__spec__", "__builtins__", "__loader__"}


# which object is which


class Thing:
    """Can be referred to weakly."""


def test_an_object_keeps_its_key_until_it_is_gone() -> None:
    thing, other = Thing(), Thing()
    key = identities.key_of(thing)
    assert identities.key_of(thing) == key
    assert identities.key_of(other) != key
    assert identities.known(key) is thing
    # this process works for nobody else
    assert not identities.is_worker()
    assert identities.key_at_home(thing) is None
    del thing
    with pytest.raises(rioserrors.UnavailableError, match="does not exist any more"):
        identities.known(key)


def test_what_arrives_twice_is_made_and_furnished_once() -> None:
    given: list[Any] = []

    def give(obj: Any, state: Any) -> None:
        given.append(state)

    first = identities.arrive("there-1", Thing, ())
    identities.furnish(first, (give, "one"))
    again = identities.arrive("there-1", Thing, ())
    identities.furnish(again, (give, "two"))
    assert again is first
    assert given == ["one"]


def test_a_worker_knows_what_came_from_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities._Here, "home", identities._Here.home)
    assert identities.work_for("home")
    theirs, own = identities.arrive("home-7", Thing, ()), Thing()
    identities.key_of(own)
    assert identities.key_at_home(theirs) == "home-7"
    assert identities.key_at_home(own) is None


# what code refers to


def uses(values: Any) -> Any:
    inner = lambda: json.dumps(LIMIT)  # noqa: E731
    return inner, os.path.join("a", values), missing_name  # type: ignore[name-defined] # noqa: F821


def test_globals_and_members_that_a_function_uses() -> None:
    function: Any = uses
    assert globals_used(function) == {"json": json, "LIMIT": LIMIT, "os": os}
    used = set(members_used(function))
    assert {("json", "dumps"), ("os", "path")} <= used
    # the module that `os.path` is, too
    assert (os.path.__name__, "join") in used


# what is in the way


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (threading.Lock(), "a thread lock"),
        ((number for number in [1]), "a generator"),
        (Thing(), f"an object of class {__name__}.Thing"),
        ([], "an object of class list"),
    ],
)
def test_what_people_call_it(value: Any, told: str) -> None:
    assert description(value) == told


def test_the_smallest_part_that_fails_is_found() -> None:
    lock = threading.Lock()
    search = Search(pickle.dumps)
    found = search.find([Place("otherArgs", {"a": [1, {"deep": (2, lock)}], "b": 3})])
    assert found is not None
    assert str(found.place) == "otherArgs['a'][1]['deep'][1]"
    assert found.place.value is lock
    assert "cannot pickle" in str(found.error)
    assert Search(pickle.dumps).find([Place("otherArgs", [1, 2])]) is None
    assert Search(pickle.dumps).failing({"good": 1, "bad": lock}) == {"bad"}


def test_places_are_told_in_words() -> None:
    start = Place("the user function", None)
    via = start.by("global 'ds' used by function 'f'", "ds", None)
    assert str(via) == "global 'ds' used by function 'f'"
    assert str(via.on(".lock", None)) == "global 'ds' used by function 'f': ds.lock"
    other = Place("otherArgs", None).on("['a']", None).by("closure variable 'n'", "n", None)
    assert str(other) == "otherArgs['a']: closure variable 'n'"


def test_what_cannot_be_packed_is_named_with_a_remedy() -> None:
    good = {"a": np.arange(3)}
    np.testing.assert_equal(pickle.loads(packed(good, lambda: [])), good)
    bad = {"a": threading.Lock()}
    with pytest.raises(
        rioserrors.ParameterError,
        match=re.escape("otherArgs['a'] (a thread lock) cannot be sent to compute workers: ")
        + ".*; make it inside the user function, or keep it out of otherArgs",
    ):
        packed(bad, lambda: [Place("otherArgs", bad)])


# what is around


@pytest.fixture
def put_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Put the surroundings of this process back."""
    folder, variables, path = Path.cwd(), dict(os.environ), list(sys.path)
    with warnings.catch_warnings():
        yield
    os.chdir(folder)
    sys.path[:] = path
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


def test_variables_that_a_job_depends_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RIOS_DFLT_OVERLAP", "AWS_REGION", "GDAL_DATA", "GDAL_CACHEMAX", "EDITOR"):
        monkeypatch.setenv(name, "1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "mine"), *sys.path])
    found = surroundings()
    assert {"RIOS_DFLT_OVERLAP", "AWS_REGION", "GDAL_CACHEMAX"} <= found.variables.keys()
    # places differ from host to host
    assert not {"GDAL_DATA", "EDITOR"} & found.variables.keys()
    assert found.folder == str(tmp_path)
    assert found.first[0] == str(tmp_path / "mine")


def test_a_process_gets_the_same_surroundings(put_back: None, tmp_path: Path) -> None:
    os.environ["RIOS_DFLT_FOOTPRINT"] = "1"
    given = Surroundings(str(tmp_path), {"AWS_REGION": "here"}, ("/first",), ("/last",))
    before = list(sys.path)
    given.enter()
    assert "RIOS_DFLT_FOOTPRINT" not in os.environ
    assert os.environ["AWS_REGION"] == "here"
    assert sys.path == ["/first", *before, "/last"]
    assert Path.cwd() == tmp_path
    lost = Surroundings(str(tmp_path / "no"), {}, (), ())
    with pytest.warns(RuntimeWarning, match=r"cannot work in the directory of the run, .*no \(No"):
        lost.enter()
    assert Path.cwd() == tmp_path


def test_warnings_are_filtered_as_elsewhere(put_back: None) -> None:
    warnings.resetwarnings()
    warnings.filterwarnings("error", "one .*", UserWarning, "some", 3)
    warnings.simplefilter("ignore", DeprecationWarning)
    values = pickle.loads(pickle.dumps(warning_filters()))
    warnings.resetwarnings()
    set_warning_filters(values)
    assert warning_filters() == values
    assert values[0][:3] == ("ignore", None, DeprecationWarning)
    with pytest.raises(UserWarning, match="one thing"):
        warnings.warn_explicit("one thing", UserWarning, "file", 3, "some")


# waiting, and calls from afar


@pytest.mark.parametrize(
    ("target", "method"), [(queue.Queue(), "get"), (threading.Event(), "wait")]
)
def test_a_wait_is_given_up_when_the_run_ends(
    monkeypatch: pytest.MonkeyPatch, target: Any, method: str
) -> None:
    monkeypatch.setattr(patience, "SLICE", 0.01)
    asked = iter([True, True, False])

    def go_on() -> None:
        if not next(asked):
            raise rioserrors.JobMgrError("over")

    with pytest.raises(rioserrors.JobMgrError, match="over"):
        patience.call(target, method, (), {}, go_on)


def test_a_wait_ends_by_itself_after_its_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SLICE", 0.01)
    start = time.monotonic()
    with pytest.raises(queue.Empty):
        patience.call(queue.Queue(), "get", (), {"timeout": 0.05}, lambda: None)
    assert 0.05 <= time.monotonic() - start < 5
    assert patience.call(threading.Event(), "wait", (0.02,), {}, lambda: None) is False
    with pytest.raises(queue.Empty):
        patience.call(queue.Queue(), "get", (False,), {}, lambda: None)
    full: queue.Queue[int] = queue.Queue()
    full.put(3)
    assert patience.call(full, "get", (), {}, lambda: None) == 3
    assert patience.call([3], "count", (3,), {}, lambda: None) == 1


class Called:
    """Notes what a proxy asks for."""

    def call(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return args, kwargs


def test_only_public_methods_are_called_from_afar() -> None:
    client: Any = Called()
    proxy = Proxy(client, "buffer")
    assert proxy.put(1, block=True) == (("buffer", "put", 1), {"block": True})
    with pytest.raises(AttributeError, match="buffer offers no '_secret' from here"):
        _ = proxy._secret
    assert functools.partial(proxy.get)() == (("buffer", "get"), {})
