"""The state of one object: put back into the same object, as often as asked."""

from __future__ import annotations

import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rios_flows.basics.objectstate import NotRestorableError, parts_of


class Plain:
    """Has attributes."""

    def __init__(self) -> None:
        self.count = 1
        self.names = ["a"]


class Slotted:
    """Has slots, one of them empty at first."""

    __slots__ = ("count", "late")

    def __init__(self) -> None:
        self.count = 1


class Counted(dict[str, int]):
    """A dictionary with an attribute."""

    def __init__(self) -> None:
        super().__init__(a=1)
        self.total = 1


def restore(parts: list[Any]) -> None:
    for part in parts:
        if part.restore is not None:
            part.restore()


def change_slots(value: Any) -> None:
    value.count, value.late = 2, 3


def change_counted(value: Any) -> None:
    value["b"], value.total = 2, 3


@pytest.mark.parametrize(
    ("value", "change", "look", "before"),
    [
        ([1, 2], lambda value: value.append(3), list, [1, 2]),
        ({"b": 1, "a": 2}, lambda value: value.pop("b"), lambda value: [*value], ["b", "a"]),
        (OrderedDict(a=1), lambda value: value.update(b=2), dict, {"a": 1}),
        (defaultdict(int, a=1), lambda value: value["b"], dict, {"a": 1}),
        ({1, 2}, lambda value: value.add(3), set, {1, 2}),
        (deque([1, 2], 2), lambda value: value.append(3), list, [1, 2]),
        (bytearray(b"ab"), lambda value: value.extend(b"c"), bytes, b"ab"),
        (array.array("i", [1]), lambda value: value.append(2), list, [1]),
        (np.arange(3), lambda value: value.fill(9), np.ndarray.tolist, [0, 1, 2]),
        (ValueError("a"), lambda value: setattr(value, "args", ()), str, "a"),
        (Plain(), lambda value: setattr(value, "other", 1), lambda value: {*vars(value)}, None),
        (Slotted(), change_slots, lambda value: (value.count, hasattr(value, "late")), (1, False)),
        (Counted(), change_counted, lambda value: (dict(value), value.total), ({"a": 1}, 1)),
    ],
    ids=lambda value: type(value).__name__ if not callable(value) else "",
)
def test_what_an_object_holds_comes_back_twice(
    value: Any, change: Callable[[Any], Any], look: Callable[[Any], Any], before: Any
) -> None:
    before = {"count", "names"} if before is None else before
    parts = list(parts_of(value))
    for _ in range(2):
        change(value)
        assert look(value) != before
        restore(parts)
        assert look(value) == before


def test_what_an_object_refers_to_is_named_and_left_to_others() -> None:
    held = Plain()
    [part] = parts_of(held)
    assert dict(part.children) == {".count": 1, ".names": held.names}
    held.names.append("b")
    restore([part])
    assert held.names == ["a", "b"]
    [part] = parts_of([1, held])
    assert [(path, child) for path, child in part.children] == [("[1]", held)]
    key = (held,)
    [part] = parts_of({"a": held, key: 1})
    assert list(part.children) == [("['a']", held), (" (a key)", key)]


def test_a_generator_of_random_numbers_goes_back() -> None:
    numbers = np.random.default_rng(3)
    [part] = parts_of(numbers)
    [(path, bits)] = part.children
    assert path == ".bit_generator"
    parts = list(parts_of(bits))
    first = numbers.random()
    restore(parts)
    assert numbers.random() == first


def test_what_cannot_be_put_back_is_said() -> None:
    with pytest.raises(NotRestorableError, match="cannot be wound back"):
        list(parts_of(iter([1])))
    pixels = np.zeros((2, 2), "uint8")
    [part] = parts_of(pixels)
    pixels.resize((3, 2), refcheck=False)
    with pytest.raises(NotRestorableError, match=r"uint8\(2, 2\) is uint8\(3, 2\) after"):
        restore([part])


def test_functions_and_classes_have_no_state_here() -> None:
    assert list(parts_of(restore)) == []
    assert list(parts_of(Plain)) == []
