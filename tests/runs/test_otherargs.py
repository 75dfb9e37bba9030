"""Whose `otherArgs` a compute worker changes, and how an object gets an earlier state back."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from rios_flows.rioserrors import ParameterError
from rios_flows.runs.otherargs import can_be_restored, of_each_worker, restore
from rios_flows.structures import OtherInputs


def other() -> OtherInputs:
    made = OtherInputs()
    made.total, made.names = 3, ["a"]
    return made


def test_without_workers_it_is_the_users_own() -> None:
    mine = other()
    assert of_each_worker(mine, 0) == [mine]
    saved = other()
    saved.total = 9
    [same] = of_each_worker(mine, 0, [saved])
    assert same is mine
    assert mine.total == 9


def test_each_worker_has_a_copy_of_its_own() -> None:
    mine = other()
    first, second = of_each_worker(mine, 2)
    first.names.append("b")
    first.total = 4
    assert (second.total, second.names) == (mine.total, mine.names) == (3, ["a"])
    saved = [other(), other()]
    assert of_each_worker(mine, 2, saved) is saved


def test_what_cannot_be_copied_is_refused_only_where_it_must_be() -> None:
    mine = other()
    mine.lock = threading.Lock()
    with pytest.raises(
        ParameterError, match=r"otherArgs cannot be copied .*lock.* without compute"
    ):
        of_each_worker(mine, 1)
    assert of_each_worker(mine, 0) == [mine]


@pytest.mark.parametrize(
    ("mine", "saved"),
    [
        ({"a": 1}, {"b": 2}),
        ([1, 2], [3]),
        ({1, 2}, {3}),
        (np.arange(3), np.arange(3) + 5),
    ],
)
def test_containers_get_their_content_back(mine: Any, saved: Any) -> None:
    assert can_be_restored(mine)
    same = mine
    restore(mine, saved)
    assert same is mine
    np.testing.assert_equal(mine, saved)


def test_attributes_that_came_later_go_again() -> None:
    mine, saved = other(), other()
    mine.more, mine.total = 1, 7
    restore(mine, saved)
    assert vars(mine) == vars(saved)


def test_what_never_changes_needs_nothing() -> None:
    for value in (None, 5, "a", np.float32(1)):
        assert can_be_restored(value)
        restore(value, value)
    assert not can_be_restored(iter([1]))
    assert not can_be_restored((1, [2]))
