"""Values of controls in words that JSON can hold, and back; and what a dict of texts may hold."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from rios_flows.controls import checks, words
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.options import CONTROLS
from rios_flows.controls.retries import BlockRetries
from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from rios_flows.rioserrors import ParameterError


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (math.nan, "nan"),
        ((1, -math.inf), [1, "-inf"]),
        ({"name": "text"}, {"name": "text"}),
        (BlockRetries(1), {"user_function": 1, "io": 2, "delay": 0.5}),
        (ConcurrencyStyle(2), {"numReadWorkers": 2}),
        (print, "print"),
        (object(), "object"),
    ],
)
def test_words_for_a_value(value: object, told: object) -> None:
    assert words.readable(value) == told
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_a_value_of_its_words() -> None:
    numbers = "float | tuple[float, ...] | None"
    assert words.value_of([1, "-inf"], numbers, None) == [1, -math.inf]
    assert words.value_of("none", numbers, None) == "none"
    assert words.value_of("nan", "str | None", None) == "nan"
    made = words.value_of({"io": 0, "delay": "inf"}, "BlockRetries", BlockRetries())
    assert made == BlockRetries(io=0, delay=math.inf)
    assert words.value_of("often", "BlockRetries", BlockRetries()) == "often"
    with pytest.raises(ParameterError, match="BlockRetries has no 'tries'; there are user_funct"):
        words.value_of({"tries": 3}, "BlockRetries", BlockRetries())
    with pytest.raises(ParameterError, match=r"no 'numReadWorker'; is 'numReadWorkers' meant\?"):
        words.value_of({"numReadWorker": 3}, "ConcurrencyStyle", ConcurrencyStyle())


def test_a_grid_of_its_words() -> None:
    grid = PixelGridDefn(
        geotransform=(5, 2, 0, 100, 0, -4), nrows=10, ncols=20, projection="EPSG:32621"
    )
    told = words.readable(grid)
    assert told.pop("projection").startswith("PROJCS")
    edges = {"xMin": 5, "xMax": 45, "yMin": 60, "yMax": 100, "xRes": 2, "yRes": 4}
    assert told == edges
    back = CONTROLS["referencePixgrid"].from_json({**edges, "projection": "EPSG:32621"})
    assert back.grid == grid.grid
    assert CONTROLS["referencePixgrid"].from_json(words.readable(grid)).grid == grid.grid


def test_a_footprint_by_its_name() -> None:
    assert CONTROLS["footprint"].from_json("BOUNDS_FROM_REFERENCE") == 2
    assert CONTROLS["footprint"].from_json("EVERYWHERE") == "EVERYWHERE"


def test_texts_by_name() -> None:
    given = {"PROCESSOR": "a=b", "empty": ""}
    frozen = checks.texts_by_name()(given)
    assert frozen == given
    assert frozen is not given


@pytest.mark.parametrize(
    "value",
    [
        "a=b",
        ["a=b"],
        {"": "x"},
        {"ns": "x"},
        {"a=b": "x"},
        {"a": 5},
        {5: "a"},
        {"a": "x\0"},
        {"a": "\ud800"},
    ],
)
def test_no_texts_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match="a dict of strings by name"):
        checks.texts_by_name(but=("ns",))(value)
