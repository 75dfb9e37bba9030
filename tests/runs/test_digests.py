"""Digests of functions and values: they differ where these do, and are the same everywhere."""

from __future__ import annotations

import functools
import importlib
import logging
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import shapely

from rios_flows.runs.resume.digests import digest
from tests.support.functions import CLOSURE, PLAIN, made

GLOBAL = "NUMBER = {}\ndef f(i, inputs, outputs): outputs.result = inputs.image + NUMBER"

INNER = (
    "NUMBER = {}\ndef f(i, inputs, outputs): outputs.result = list(map(lambda x: x + NUMBER, i))"
)

CALLED = """
def second(x): return x + {}
def first(x): return second(x)
def f(i, inputs, outputs): outputs.result = first(inputs.image)
"""

DECORATED = """
import functools
def decorator(function):
    @functools.wraps(function)
    def wrapper(*given): return function(*given) + {}
    return wrapper
@decorator
def f(info, inputs, outputs): return {}
"""

CLASS = """
class Base:
    def basic(self, x): return x + {}
class Helper(Base):
    LIMIT = {}
    @staticmethod
    def scale(x): return x * {}
    @property
    def number(self): return {}
def f(i, inputs, outputs): outputs.result = Helper().basic(inputs.image)
"""

INSTANCE = """
class Helper:
    def __init__(self, number): self.number = number
    def __call__(self, info, inputs, outputs): outputs.result = inputs.image + self.number{}
f = Helper({})
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PLAIN, PLAIN.replace("1", "2")),
        ("def f(i, n, o, x=1): o.y = x", "def f(i, n, o, x=2): o.y = x"),
        ("def f(i, n, o, *, x=1): o.y = x", "def f(i, n, o, *, x=2): o.y = x"),
        ("f = lambda i, n, o: n.a + 1", "f = lambda i, n, o: n.a - 1"),
        (CLOSURE.format(1), CLOSURE.format(2)),
        (CLOSURE.format("{'a', 'b'}"), CLOSURE.format("{'a', 'c'}")),
        (GLOBAL.format(1), GLOBAL.format(2)),
        (INNER.format(1), INNER.format(2)),
        (CALLED.format(1), CALLED.format(2)),
        (DECORATED.format(1, 1), DECORATED.format(2, 1)),
        (DECORATED.format(1, 1), DECORATED.format(1, 2)),
        (CLASS.format(1, 1, 1, 1), CLASS.format(2, 1, 1, 1)),
        (CLASS.format(1, 1, 1, 1), CLASS.format(1, 2, 1, 1)),
        (CLASS.format(1, 1, 1, 1), CLASS.format(1, 1, 2, 1)),
        (CLASS.format(1, 1, 1, 1), CLASS.format(1, 1, 1, 2)),
        (INSTANCE.format("", 1), INSTANCE.format("", 2)),
        (INSTANCE.format("", 1), INSTANCE.format("* 2", 1)),
    ],
)
def test_a_function_that_does_something_else(before: str, after: str) -> None:
    assert digest(made(before)) == digest(made(before))
    assert digest(made(before)) != digest(made(after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PLAIN, "# a word more\n\n" + PLAIN + "  # and another"),
        # an attribute of the outputs has the name of a global
        ("result = 1\n" + PLAIN, "result = 2\n" + PLAIN),
        ("OTHER = 1\n" + PLAIN, "OTHER = 2\n" + PLAIN),
        (GLOBAL.format("{'a', 'b', 'c'}"), GLOBAL.format("{'c', 'b', 'a'}")),
        (CLASS.format(1, 1, 1, 1), CLASS.format(1, 1, 1, 1) + "\nclass Other: pass"),
    ],
)
def test_a_function_that_does_the_same(before: str, after: str) -> None:
    assert digest(made(before)) == digest(made(after))


def test_a_name_that_exists_only_now() -> None:
    source = "def f(i, n, o): o.result = limit(n.a)"
    assert digest(made(source)) != digest(made(source, limit=len))


def test_a_module_may_be_loaded_under_another_name() -> None:
    # as Prefect does with a script, with a new name in each process
    for source in (CALLED.format(1), CLASS.format(1, 1, 1, 1), INSTANCE.format("", 1)):
        assert digest(made(source)) == digest(made(source, __name__="__loaded_by_somebody_17__"))


def test_functions_of_a_module_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def seen(text: str) -> tuple[str, str, str]:
        (tmp_path / "helpers_of_the_user.py").write_text(text)
        importlib.invalidate_caches()
        helpers = importlib.import_module("helpers_of_the_user")
        named = made("def f(i, n, o): o.result = h.scale(n.a)", h=helpers)
        taken = made("def f(i, n, o): o.result = scale(n.a)", scale=helpers.scale)
        whole = made("def f(i, n, o): o.result = getattr(h, 'scale')(n.a)", h=helpers)
        del sys.modules["helpers_of_the_user"]
        sys.modules["helpers_of_the_user"] = helpers
        result = digest(named), digest(taken), digest(whole)
        del sys.modules["helpers_of_the_user"]
        return result

    text = "FACTOR = 1\ndef scale(x): return x * FACTOR\n"
    named, taken, whole = seen(text)
    assert seen(text) == (named, taken, whole)
    other = seen(text.replace("1", "2"))
    assert named != other[0]
    assert taken != other[1]
    assert whole != other[2]
    # of the parts that are not used nothing is to be known, unless the module goes as a whole
    assert seen(text + "OTHER = 1\n") == (named, taken, seen(text + "OTHER = 1\n")[2])


def test_what_is_installed_counts_by_its_name() -> None:
    source = "def f(i, n, o): o.result = np.mean(shapely.area(n.a)) + random.random()"
    before = digest(made(source, np=np, shapely=shapely, random=random))
    random.seed(5)
    np.random.seed(5)
    assert digest(made(source, np=np, shapely=shapely, random=random)) == before
    drawn = made(
        "def f(i, n, o): o.result = draw(environ, area(n.a))",
        draw=random.random,
        environ=os.environ,
        area=shapely.area,
    )
    before = digest(drawn)
    random.random()
    os.environ["OF_A_TEST"] = "1"
    try:
        assert digest(drawn) == before
    finally:
        del os.environ["OF_A_TEST"]


def test_what_shows_no_state_counts_by_its_type() -> None:
    source = "def f(i, n, o): tool.use(n)"
    locks = [threading.Lock(), threading.Lock()]
    assert digest(made(source, tool=locks[0])) == digest(made(source, tool=locks[1]))
    assert digest(made(source, tool=locks[0])) != digest(made(source, tool=iter(())))
    logger = logging.getLogger(__name__)
    assert digest(made(source, tool=logger)) == digest(made(source, tool=logger))
    cached = functools.cache(made(PLAIN))
    before = digest(cached)
    with pytest.raises(AttributeError):
        cached(1, 2, 3)
    assert digest(cached) == before != digest(functools.cache(made(CLOSURE.format(1))))


class Node:
    __slots__ = ("below", "value")

    def __init__(self, value: object, below: object = None) -> None:
        self.value, self.below = value, below


def ring(number: int) -> Node:
    first = Node(1)
    first.below = Node(number, first)
    return first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        (1, True),
        (1, 1.0),
        ("1", 1),
        ("a", b"a"),
        (0.0, -0.0),
        ([1, 2], (1, 2)),
        ([1, 2], [2, 1]),
        ([[1], 2], [1, [2]]),
        ({"a": 1}, {"a": 2}),
        ({1, "x"}, {1, "y"}),
        ({(1, 2)}, frozenset({(1, 2)})),
        ("x" * 100, "x" * 101),
        pytest.param(1 << 20000, (1 << 20000) + 1, id="large numbers"),
        (np.arange(3), np.arange(3.0)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.arange(10**6), np.append(np.arange(10**6 - 1), 5)),
        (np.array(["a", None], object), np.array(["b", None], object)),
        (np.float32(1), np.float64(1)),
        (np.ma.masked_equal([1, 2], 1), np.ma.masked_equal([1, 2], 2)),
        (Path("a"), Path("b")),
        (shapely.Point(1, 1), shapely.Point(1, 2)),
        (functools.partial(max, 1), functools.partial(max, 2)),
        (Node(1), Node(2)),
        (ring(2), ring(3)),
        (np.random.default_rng(1), np.random.default_rng(2)),
        (range(3), range(4)),
        (len, sum),
    ],
)
def test_values_that_differ(one: object, other: object) -> None:
    assert digest(one) == digest(one)
    assert digest(one) != digest(other)


def test_the_layout_of_an_array_is_no_matter() -> None:
    pixels = np.arange(12).reshape(3, 4)
    assert digest(pixels) == digest(np.asfortranarray(pixels)) == digest(pixels[:, ::-1][:, ::-1])


ELSEWHERE = """
from rios_flows.runs.resume.digests import digest
from tests.runs.test_digests import Node, made
names = {f"name {n}" for n in range(50)}
source = "NAMES = {'a', 'b', 'c', 'd'}\\ndef g(x): return x in {'a', 'b', 'c', 'd'} or x in NAMES"
f = made(source + "\\ndef f(i, n, o, other={'x', 'y', 'z'}): return g(i), g(n)")
print(digest([names, {"a": frozenset(names)}, {f, max, Node}, Node({(name, 1) for name in names})]))
"""


def test_digests_are_the_same_in_every_process() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", ELSEWHERE],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
