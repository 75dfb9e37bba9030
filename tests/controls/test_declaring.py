"""A field of options declares a control; and all that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from rios_flows.controls.checks import number, or_none, whole
from rios_flows.controls.declaring import control, declared, same
from rios_flows.controls.environment import Variable
from rios_flows.controls.imageoptions import InputOptions, OutputOptions, VectorOptions
from rios_flows.controls.options import CONTROLS
from rios_flows.rioserrors import ParameterError


@dataclass(frozen=True)
class Options:
    """Options of a made-up thing."""

    scope: ClassVar = "output"

    size: int = control("cellSize", 3, whole(1), "How large", unit="pixels")
    levels: tuple[int, ...] = control("levels", (2, 4), tuple, "Which", setter="chooseLevels")
    tags: dict[str, str] = control("tags", {}, dict, "Texts")
    hooks: dict[str, int] = control("hook", None, or_none(number), "What is called", scope="run")
    plain: int = 1


def test_a_control_follows_from_its_field() -> None:
    size, levels, tags, hook = declared(Options)
    assert (size.name, size.field, size.setter) == ("cellSize", "size", "setCellSize")
    assert (size.unit, size.scope, size.annotation) == ("pixels", "output", "int")
    assert levels.setter == "chooseLevels"
    assert size.per_image
    assert (hook.scope, hook.per_image) == ("run", False)
    assert tags.default == {}


def test_options_made_from_nothing_have_the_defaults_and_share_none() -> None:
    one, other = Options(), Options()
    assert (one.size, one.levels, one.tags, one.hooks) == (3, (2, 4), {}, {})
    one.tags["a"] = "b"
    one.hooks["a"] = 1
    assert (other.tags, other.hooks, declared(Options)[2].default) == ({}, {}, {})


def test_a_default_is_its_holders_own(monkeypatch: pytest.MonkeyPatch) -> None:
    _, levels, tags, _ = declared(Options)
    own = levels.own_default()
    own.append(8)
    assert levels.own_default() == [2, 4]
    tags.own_default()["a"] = "b"
    assert tags.own_default() == {}
    told = control("a", 1, whole(1), "A number", variable=Variable("A_NUMBER", int))
    told = told.metadata["control"]
    assert told.own_default() == 1
    monkeypatch.setenv("A_NUMBER", "7")
    assert told.own_default() == 7


def test_a_bad_value_names_setter_control_image_and_remedy() -> None:
    size = declared(Options)[0]
    assert size.checked(np.int64(2)) == 2
    with pytest.raises(
        ParameterError,
        match=r"^setCellSize: cellSize=0 for image 'a' is not right: it must be at least 1$",
    ):
        size.checked(0, "a")
    with pytest.raises(ParameterError, match=r"^setCellSize: cellSize='x' is not right"):
        size.checked("x")


def test_equal_values() -> None:
    nan = float("nan")
    assert same(nan, nan)
    assert same((1, 2), (1, 2))
    assert not same(nan, 0)
    assert not same(1, 2)


@pytest.mark.parametrize(
    ("options", "scope", "some"),
    [
        (VectorOptions, "vector", {"burnvalue", "filtersql", "alltouched"}),
        (InputOptions, "input", {"layerselection", "inputnodata", "resampleMethod"}),
        (OutputOptions, "output", {"drivername", "statsIgnore", "overviewLevels", "tags"}),
    ],
)
def test_controls_of_images(options: type, scope: str, some: set[str]) -> None:
    found = declared(options)
    assert {each.scope for each in found} == {scope}
    assert some <= {each.name for each in found}
    # those of the options of a run are all of them
    assert all(CONTROLS[each.name] == each for each in found)
    made = options()
    assert all(same(getattr(made, each.field), each.default) for each in found)
