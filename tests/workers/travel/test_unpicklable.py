"""What cannot be sent to a worker is refused before any work, and named."""

from __future__ import annotations

import itertools
import socket
import sys
import threading
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cloudpickle
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from rios_flows import rioserrors
from rios_flows.structures import OtherInputs
from rios_flows.workers.travel import luggage
from tests.support.luggage import run_script, work_of

LOCK = threading.Lock()


def nothing(info: Any, inputs: Any, outputs: Any) -> None:
    pass


def refused(function: Any, other: Any = None) -> str:
    with pytest.raises(rioserrors.ParameterError) as caught:
        luggage.pack(work_of(function, other))
    return str(caught.value)


class Holder:
    def __init__(self, **held: Any) -> None:
        vars(self).update(held)

    def apply(self, info: Any, inputs: Any, outputs: Any) -> None:
        pass


class Slotted:
    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = threading.Lock()


class Told:
    """Says for itself what is pickled of it."""

    def __getstate__(self) -> dict[str, Any]:
        return {"kept": [threading.Lock()]}


class Refuses:
    def __reduce__(self) -> str:
        raise TypeError("a Refuses stays here")


class Linked:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me, self.lock = self, threading.Lock()


def with_other(**held: Any) -> OtherInputs:
    other = OtherInputs()
    vars(other).update(held)
    return other


@pytest.mark.parametrize(
    ("other", "where"),
    [
        (with_other(lock=threading.Lock()), "otherArgs.lock (a thread lock)"),
        (threading.RLock(), "otherArgs (a thread lock)"),
        ({"a": [1, 2, 3, with_other(handle=LOCK)]}, "otherArgs['a'][3].handle (a thread lock)"),
        ({"a": {"b": (0, LOCK)}}, "otherArgs['a']['b'][1] (a thread lock)"),
        ({"x": {LOCK}}, f"otherArgs['x'] (its item {repr(LOCK)[:37]}...) (a thread lock)"),
        ({LOCK: 1}, f"otherArgs (its key {repr(LOCK)[:37]}...) (a thread lock)"),
        ([*range(1000), LOCK, *range(1000)], "otherArgs[1000] (a thread lock)"),
        ([iter([1]), (n for n in [1])], "otherArgs[1] (a generator)"),
        (with_other(a=Slotted()), "otherArgs.a.lock (a thread lock)"),
        (with_other(a=Told()), "otherArgs.a.kept[0] (a thread lock)"),
        (with_other(a=Refuses()), "otherArgs.a (an object of class "),
        (Linked(), "otherArgs.lock (a thread lock)"),
        (np.array([1, LOCK], dtype=object), "otherArgs (its state)"),
    ],
    # by default they would hold addresses, which differ from process to process
    ids=itertools.count(),
)
def test_other_args(other: Any, where: str) -> None:
    message = refused(nothing, other)
    assert message.startswith(where), message
    assert message.endswith("; make it inside the user function, or keep it out of otherArgs")


def test_open_things(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "width": 2, "height": 2, "count": 1, "dtype": "uint8"}
    transform = rasterio.Affine(2, 0, 0, 0, -2, 0)
    with rasterio.open(path, "w", **profile, transform=transform) as raster:
        raster.write(np.ones((1, 2, 2), "uint8"))
    text = tmp_path / "a.txt"
    text.write_text("text")
    with rasterio.open(path) as raster, open(text) as file, open(text, "rb") as raw:
        other = with_other(raster=raster)
        assert refused(nothing, other).startswith("otherArgs.raster (an open raster)")
        assert refused(nothing, [file]).startswith("otherArgs[0] (an open file)")
        assert refused(nothing, [raw]).startswith("otherArgs[0] (an open file)")
    with socket.socket() as open_socket:
        assert refused(nothing, [open_socket]).startswith("otherArgs[0] (a socket)")


def test_what_functions_refer_to() -> None:
    dataset, deep = threading.Lock(), Holder(a=[Holder(lock=LOCK)])

    def inner() -> object:
        return deep

    def function(info: Any, inputs: Any, outputs: Any) -> object:
        return dataset

    def outer(info: Any, inputs: Any, outputs: Any) -> object:
        return inner()

    def with_default(info: Any, inputs: Any, outputs: Any, lock: Any = LOCK) -> None:
        pass

    assert refused(function).startswith(
        "the user function's closure variable 'dataset' (a thread lock) cannot be sent to compute "
        "workers: cannot pickle '_thread.lock' object; make it inside the user function"
    )
    # how the function came there does not matter; what it needs does
    assert refused(outer).startswith(
        "closure variable 'deep' of function 'inner': deep.a[0].lock (a thread lock)"
    )
    assert refused(nothing, {"call": function}).startswith(
        "otherArgs['call']: closure variable 'dataset' of function 'function' (a thread lock)"
    )
    assert refused(with_default).startswith("default of parameter 'lock' of function 'with_def")
    assert refused(Holder(lock=LOCK).apply).startswith("the user function.__self__.lock")


def test_globals_of_a_script(tmp_path: Path) -> None:
    code = """
import threading
import pytest
from rios_flows import rioserrors
from rios_flows.workers.travel import luggage

unused = threading.RLock()
ds = threading.Lock()
class Settings:
    pass
config = Settings()
config.locks = {"a": ds}

def g(): return config
def f(i, a, o): return a.unused, ds
def h(i, a, o): return g()
class Model:
    lock = ds
    def apply(self, i, a, o): return ds
class Other:
    def apply(self, i, a, o): return ds

for function in f, h, Model().apply, Other().apply:
    with pytest.raises(rioserrors.ParameterError) as caught:
        luggage.pack(work_of(function))
    print(str(caught.value).partition(" cannot")[0])
"""
    assert run_script(code, tmp_path).splitlines() == [
        "global 'ds' used by function 'f' (a thread lock)",
        "global 'config' used by function 'g': config.locks['a'] (a thread lock)",
        "the user function.__self__ (its class Model).lock (a thread lock)",
        "global 'ds' used by function 'apply' (a thread lock)",
    ]


def test_modules_beside_a_script(tmp_path: Path) -> None:
    """What cannot be pickled stays behind, unless it is used."""
    code = """
import pytest
import helper
from rios_flows import rioserrors
from rios_flows.workers.travel import luggage

def direct(i, a, o): return helper._lock
def by_function(i, a, o): return (lambda: helper.guarded())()
def by_closure():
    import helper as h
    def inner(i, a, o):
        x = 1
        return x + h.free() + h.guarded()
    return inner
def hidden(i, a, o, other): return [name for name in vars(helper)]
def asked(i, a, o, other):
    try:
        return getattr(helper, "_lo" + "ck")
    except AttributeError as error:
        return str(error)

for function in direct, by_function, by_closure():
    with pytest.raises(rioserrors.ParameterError) as caught:
        luggage.pack(work_of(function))
    print(str(caught.value).partition(" cannot")[0])
names, _ = there_and_back(hidden)
assert {"value", "free"} <= set(names) and not {"_lock", "guarded"} & set(names)
print(there_and_back(asked)[0])
"""
    helper = """
import threading
_lock = threading.Lock()
value = 3
def free(): return value
def guarded():
    with _lock: return value
class Counter:
    def __init__(self): self._lock = 3
"""
    assert run_script(code, tmp_path, helper=helper).splitlines() == [
        "helper._lock (a thread lock)",
        *["helper.guarded: global '_lock' used by function 'guarded' (a thread lock)"] * 2,
        "helper._lock is not here: it cannot be pickled, and stayed in the main process; make it "
        "inside the user function",
    ]


def test_nested_too_deeply() -> None:
    chain = None
    for _ in range(20_000):
        chain = SimpleNamespace(next=chain)
    assert refused(nothing, chain) == (
        "otherArgs cannot be sent to compute workers: it is nested too deeply; use a list, an "
        "array or a dictionary in place of objects that each refer to the next"
    )


def test_a_state_that_has_become_unpicklable() -> None:
    with pytest.raises(rioserrors.ParameterError, match=r"^otherArgs\['b'\] \(a thread lock\)"):
        luggage.pack_state({"a": 1, "b": LOCK})


def test_large_data_are_searched_quickly() -> None:
    other = {"table": np.zeros(5_000_000), "items": [[n] for n in range(200_000)], "lock": LOCK}
    start = time.perf_counter()
    assert refused(nothing, other).startswith("otherArgs['lock']")
    assert time.perf_counter() - start < 10


def test_the_registry_is_as_before() -> None:
    refused(nothing, LOCK)
    assert not cloudpickle.list_registry_pickle_by_value()


#: Steps to a part, and how each is written: around the part, with others beside it.
_LEAVES = st.integers() | st.text(max_size=3) | st.none() | st.just(np.arange(3))


def _in_dict(part: Any, key: Any, others: dict[Any, Any]) -> tuple[Any, str]:
    return {**others, key: part}, f"[{key!r}]"


def _in_list(part: Any, before: list[Any], after: list[Any]) -> tuple[Any, str]:
    return [*before, part, *after], f"[{len(before)}]"


def _in_tuple(part: Any, before: list[Any], after: list[Any]) -> tuple[Any, str]:
    return (*before, part, *after), f"[{len(before)}]"


def _in_object(part: Any, name: str, others: list[Any]) -> tuple[Any, str]:
    held = {f"other{number}": other for number, other in enumerate(others)}
    return Holder(**held, **{name: part}), f".{name}"


def _in_other_inputs(part: Any, name: str) -> tuple[Any, str]:
    return with_other(**{name: part}), f".{name}"


_KEYS = st.integers() | st.text(max_size=5)
_FEW = st.lists(_LEAVES, max_size=3)
_STEPS = st.one_of(
    st.tuples(st.just(_in_dict), _KEYS, st.dictionaries(_KEYS, _LEAVES, max_size=3)),
    st.tuples(st.just(_in_list), _FEW, _FEW),
    st.tuples(st.just(_in_tuple), _FEW, _FEW),
    st.tuples(st.just(_in_object), st.sampled_from(["lock", "data"]), _FEW),
    st.tuples(st.just(_in_other_inputs), st.sampled_from(["lock", "data"])),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(_STEPS, max_size=6))
def test_any_structure(steps: list[tuple[Any, ...]]) -> None:
    other: Any = threading.Lock()
    path = ""
    for wrap, *given_ in steps:
        other, step = wrap(other, *given_)
        path = step + path
    with pytest.raises(rioserrors.ParameterError) as caught:
        luggage.pack_state(other)
    assert str(caught.value).startswith(f"otherArgs{path} (a thread lock) cannot be sent")


def test_things_in_sys_modules_that_are_no_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = ModuleType("odd")
    monkeypatch.setattr(odd, "__file__", 3, raising=False)
    monkeypatch.setitem(sys.modules, "odd", odd)
    monkeypatch.setitem(sys.modules, "none", None)
    luggage.pack(work_of(nothing))
