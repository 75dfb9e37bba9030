"""What was done to an object since is dropped, in place, at any depth."""

from __future__ import annotations

import array
import copy
import functools
import itertools
import logging
import random
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rios_flows import rioserrors
from rios_flows.jobs.snapshot import Snapshot
from rios_flows.structures import OtherInputs


class Slotted:
    __slots__ = ("later", "values")

    def __init__(self) -> None:
        self.values = [1]


class SlottedAndMore(Slotted):
    def __init__(self) -> None:
        super().__init__()
        self.more = {"a": [1]}


class Queue(Slotted):
    def put(self, value: int) -> None:
        self.values.append(value)


@dataclass(frozen=True, slots=True)
class Frozen:
    table: dict[str, int]


class Pairs(dict[str, int]):
    """A dict with an attribute, whose own methods do something else as well."""

    def __init__(self) -> None:
        super().__init__(a=1)
        self.log: list[str] = []

    def __setitem__(self, key: str, value: int) -> None:
        self.log.append(key)
        super().__setitem__(key, value)


def masked() -> Any:
    return np.ma.MaskedArray(np.arange(4), mask=[False, True, False, False])


def spoil_masked(value: Any) -> None:
    value[0] = np.ma.masked
    value.data[1] = 77
    value.fill_value = 5


def spoil_slots(value: Any) -> None:
    value.values.append(2)
    value.later = 3


def spoil_more(value: Any) -> None:
    spoil_slots(value)
    value.more["a"][0] = 2
    value.values = None


def spoil_view(value: Any) -> None:
    value.base[...] = 9


def read_only_view() -> Any:
    view = np.arange(6).reshape(2, 3)[:, ::2]
    view.flags.writeable = False
    return view


def objects() -> Any:
    made = np.empty(2, object)
    made[:] = [[1], {"a": [2]}]
    return made


def spoil_objects(value: Any) -> None:
    value[1]["a"].append(3)
    value[0] = None


def spoil_error(value: Any) -> None:
    value.args[0].append(1)
    value.add_note("noted")


#: How to make an object, how to spoil it, and what can be seen of it.
KINDS: dict[str, tuple[Callable[[], Any], Callable[[Any], object], Callable[[Any], object]]] = {
    "dict": (lambda: {"a": 1, "b": 2}, lambda v: v.pop("a"), list),
    "order": (
        lambda: OrderedDict(a=1, b=2),
        lambda v: v.move_to_end("a"),
        lambda v: (list(v), list(reversed(v))),
    ),
    "default": (lambda: defaultdict(list, a=[1]), lambda v: v["b"].append(v["a"].pop()), dict),
    "counter": (lambda: Counter("aab"), lambda v: v.update("bc"), dict),
    "own dict": (Pairs, lambda v: v.update(b=v.__setitem__("c", 1)), lambda v: (dict(v), v.log)),
    "list": (lambda: [1, [2]], lambda v: v.pop().append(3), lambda v: v),
    "tuple": (lambda: ([1], 2), lambda v: v[0].append(3), lambda v: v),
    "set": (lambda: {1, 2}, lambda v: v.remove(1), lambda v: v),
    "deque": (lambda: deque([1, 2], 2), lambda v: v.append(3), list),
    "bytes": (lambda: bytearray(b"ab"), lambda v: v.extend(b"c"), bytes),
    "numbers": (lambda: array.array("i", [1]), lambda v: v.append(2), list),
    "pixels": (lambda: np.arange(4), lambda v: v.fill(7), lambda v: v.tolist()),
    "fields": (lambda: np.zeros(2, "i4,f8"), lambda v: v["f0"].fill(7), lambda v: v.tolist()),
    "read only": (read_only_view, spoil_view, lambda v: v.tolist()),
    "objects": (objects, spoil_objects, lambda v: v.tolist()),
    "masked": (masked, spoil_masked, lambda v: (v.data.tolist(), v.mask.tolist(), v.fill_value)),
    "slots": (Slotted, spoil_slots, lambda v: (v.values, hasattr(v, "later"))),
    "slots and more": (
        SlottedAndMore,
        spoil_more,
        lambda v: (v.values, vars(v), hasattr(v, "later")),
    ),
    "frozen": (lambda: Frozen({"a": 1}), lambda v: v.table.clear(), lambda v: v.table),
    "error": (lambda: ValueError([]), spoil_error, lambda v: (v.args, vars(v))),
    "method": (
        lambda: Queue().put,
        lambda v: v(2),
        lambda v: v.__self__.values,
    ),
    "list's method": (lambda: [1].append, lambda v: v(2), lambda v: v.__self__),
    "partial": (lambda: functools.partial(max, [1]), lambda v: v.args[0].pop(), lambda v: v.args),
    "chance": (lambda: random.Random(1), lambda v: v.random(), lambda v: v.getstate()),
    "numpy's chance": (
        lambda: np.random.default_rng(1),
        lambda v: v.random(3),
        lambda v: v.bit_generator.state,
    ),
    "numpy's old chance": (
        lambda: np.random.RandomState(1),
        lambda v: v.random(3),
        lambda v: v.get_state()[1].tolist(),
    ),
    "nothing": (object, lambda v: None, lambda v: None),
    "a value": (lambda: PurePosixPath("/a"), lambda v: hash(v), lambda v: v),
    "a logger": (lambda: logging.getLogger("one"), lambda v: None, lambda v: v.name),
    "a function": (lambda: spoil_slots, lambda v: None, lambda v: v),
    "python's function": (lambda: len, lambda v: None, lambda v: v),
    "a class": (lambda: Slotted, lambda v: None, lambda v: v),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrap", [False, True])
def test_it_is_as_it_was(kind: str, wrap: bool) -> None:
    make, spoil, seen = KINDS[kind]
    value = make()
    other: Any = value
    if wrap:
        other = OtherInputs()
        other.inside = [value, value]
    before = copy.deepcopy(seen(value))
    snapshot = Snapshot(other)
    # and again, as after a further try
    for _ in range(2):
        spoil(value)
        snapshot.restore()
        assert seen(value) == before
        if wrap:
            assert other.inside[0] is value
            assert other.inside[1] is value


def test_the_sequence_of_random_numbers_is_the_same_again() -> None:
    generator = np.random.default_rng(5)
    snapshot = Snapshot([generator])
    first = generator.random(10)
    snapshot.restore()
    assert (generator.random(10) == first).all()


def test_a_cycle_with_shared_parts() -> None:
    first, shared = OtherInputs(), [0]
    second = {"back": first, "shared": shared}
    first.second, first.shared = second, shared
    snapshot = Snapshot(first)
    shared.append(1)
    second["new"], second["shared"], first.second = first, [5], None
    snapshot.restore()
    assert first.second is second
    assert second == {"back": first, "shared": shared}
    assert second["shared"] is first.shared is shared
    assert shared == [0]


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (threading.Lock(), r"otherArgs\.table\['a'\]\[1\] cannot .* lock"),
        (threading.Event(), r"otherArgs\.table\['a'\]\[1\]\._cond\._lock cannot"),
        (iter([1]), "list_iterator cannot be wound back"),
        (itertools.count(), "cannot be wound back"),
        (threading, "a module"),
    ],
    ids=["lock", "in an attribute", "iterator", "count", "module"],
)
def test_what_cannot_be_put_back_is_named(value: Any, where: str) -> None:
    other = OtherInputs()
    other.table = {"a": (None, value)}
    with pytest.raises(rioserrors.ParameterError, match=where):
        Snapshot(other)


def test_an_array_of_another_shape_is_not_put_back() -> None:
    values = np.zeros(4)
    snapshot = Snapshot({"values": values})
    values.resize((5,), refcheck=False)
    with pytest.raises(rioserrors.ParameterError, match=r"float64\(4,\) is float64\(5,\)"):
        snapshot.restore()


NESTED = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=20,
)


def containers(value: Any) -> list[Any]:
    children = value if isinstance(value, list) else value.values()
    nested = [child for child in children if isinstance(child, list | dict)]
    return [value, *(each for child in nested for each in containers(child))]


@given(value=st.lists(NESTED), data=st.data())
def test_whatever_is_spoilt(value: Any, data: st.DataObject) -> None:
    before, objects = copy.deepcopy(value), containers(value)
    snapshot = Snapshot(value)
    for each in objects:
        if data.draw(st.booleans()):
            each.clear()
        elif isinstance(each, list):
            each.append(data.draw(st.sampled_from(objects)))
        else:
            each["new"] = data.draw(st.sampled_from(objects))
    snapshot.restore()
    assert value == before
    assert [id(each) for each in containers(value)] == [id(each) for each in objects]
