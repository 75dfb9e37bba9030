"""What a function keeps from block to block, in as many copies as there are workers."""

from __future__ import annotations

import operator
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rios_flows as rf
from rios_flows.front.states import merged
from rios_flows.rioserrors import ParameterError
from tests.support.rasters import Array, coordinates, write_raster

PIXELS = coordinates(1, 60, 60, "uint8")

WORKERS: dict[str, Any] = {
    "one": 1,
    "threads": rf.ConcurrencyStyle(1, 2, "CW_THREADS"),
    "processes": rf.ConcurrencyStyle(1, 2, "CW_SUBPROC"),
}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "image.tif", PIXELS)


def count(image: Array, state: Any) -> None:
    state.update(np.asarray(image).ravel().tolist())


@pytest.mark.parametrize("workers", WORKERS)
def test_states_are_merged(image: Path, workers: str) -> None:
    given: Counter[float] = Counter()
    style = WORKERS[workers]
    result = rf.apply(count, image, state=given, window=16, workers=style, dtype=None)
    assert result.state == Counter(PIXELS.ravel().tolist())
    # the caller's stays as it was
    assert not given
    result = rf.apply(count, image, state=set(), window=16, workers=style, merge=operator.or_)
    assert result.state == set(PIXELS.ravel().tolist())


class Sums:
    """What nothing adds."""

    def __init__(self) -> None:
        self.total = 0.0


def add(image: Array, state: Sums) -> None:
    state.total += float(image.sum())


@pytest.mark.parametrize("workers", ["one", "threads"])
def test_what_nothing_adds_comes_as_a_list(image: Path, workers: str) -> None:
    result = rf.apply(add, image, state=Sums(), window=16, workers=WORKERS[workers])
    assert len(result.state) == (1 if workers == "one" else 2)
    assert sum(each.total for each in result.state) == PIXELS.sum()


def test_without_a_state_there_is_none(image: Path) -> None:
    assert rf.apply(lambda image: None, image).state is None
    assert merged([], None) is None


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (count, {}, "takes 'state', and none is given"),
        (lambda image: None, {"state": []}, "has no parameter 'state'"),
        (lambda image: None, {"merge": operator.add}, "no state to merge"),
        (count, {"state": [], "merge": 3}, "merge=3 is not right: it must be a function"),
        (count, {"state": threading.Lock()}, "is a lock, of which no copy can be made"),
        (count, {"state": 0}, "is a int, which a function cannot change"),
        (count, {"state": Counter("a")}, "is a Counter that holds something already"),
        (count, {"state": np.ones(3)}, "is a ndarray that holds something already"),
    ],
)
def test_states_that_would_come_home_wrong_are_refused(
    image: Path, function: Any, options: Any, message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        rf.apply(function, image, **options)
