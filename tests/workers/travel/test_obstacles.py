"""The smallest part that fails is found, and how it is reached is told."""

from __future__ import annotations

import pickle
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rios_flows.workers.travel import obstacles
from rios_flows.workers.travel.obstacles import Place, Search


class Held:
    def __init__(self, value: Any) -> None:
        self.value = value

    def method(self) -> None:
        pass


def found_in(value: Any) -> str:
    obstacle = Search(pickle.dumps).find([Place("otherArgs", value)])
    assert obstacle is not None
    return str(obstacle.place)


@pytest.mark.parametrize(
    ("wrap", "where"),
    [
        (lambda lock: lock, "otherArgs"),
        (lambda lock: {"a": [1, (lock,)]}, "otherArgs['a'][1][0]"),
        (lambda lock: Held(lock), "otherArgs.value"),
        (lambda lock: Held(lock).method, "otherArgs.__self__.value"),
        (lambda lock: partial(print, lock), "otherArgs.args[0]"),
    ],
    ids=["itself", "containers", "object", "method", "partial"],
)
def test_how_it_is_reached(wrap: Any, where: str) -> None:
    assert found_in(wrap(threading.Lock())) == where


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_the_one_among_many(case: tuple[int, int]) -> None:
    count, place = case
    items: list[Any] = [0] * count
    items[place] = threading.Lock()
    assert found_in(items) == f"otherArgs[{place}]"


def test_nothing_is_in_the_way() -> None:
    search = Search(pickle.dumps)
    assert search.find([Place("otherArgs", {"a": 1})]) is None
    assert search.failing({"good": 1, "bad": threading.Lock()}) == {"bad"}


def test_a_search_that_takes_too_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obstacles, "PATIENCE", 0.0)
    assert Search(pickle.dumps).find([Place("otherArgs", threading.Lock())]) is None


def test_a_variable_of_a_function() -> None:
    start = Place("the user function", None)
    place = start.by("global 'ds' used by function 'f'", "ds", 1)
    assert str(place) == "global 'ds' used by function 'f'"
    assert str(place.on(".file", 2)) == "global 'ds' used by function 'f': ds.file"
    elsewhere = Place("otherArgs", None).by("global 'ds' used by function 'f'", "ds", 1)
    assert str(elsewhere) == "otherArgs: global 'ds' used by function 'f'"


def test_what_things_are_called(tmp_path: Path) -> None:
    assert obstacles.description(threading.Lock()) == "a thread lock"
    assert obstacles.description(n for n in range(1)) == "a generator"
    assert obstacles.description({}) == "an object of class dict"
    assert obstacles.description(Held(1)) == f"an object of class {__name__}.Held"
    with (tmp_path / "a").open("w") as file:
        assert obstacles.description(file) == "an open file"
