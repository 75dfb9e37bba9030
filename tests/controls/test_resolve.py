"""The parts of resolving that the setters of ApplierControls do not reach."""

from __future__ import annotations

from typing import Any

import pytest

from rios_flows.controls import resolving
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.options import CONTROLS
from rios_flows.rioserrors import ParameterError
from tests.support.controlled import inputs, outputs

DEFAULTS = {name: each.own_default() for name, each in CONTROLS.items()}


def test_what_differs_from_the_defaults() -> None:
    values = {**DEFAULTS, "overlap": 2, "statsIgnore": float("nan")}
    per_image: dict[str, dict[str, Any]] = {
        # as for all, as the default, and neither
        "statsIgnore": {"a": float("nan"), "b": 0, "c": 7},
        "thematic": {"a": False},
    }
    told = resolving.Values(values, per_image).changed()
    own = {"statsIgnore[a]": "nan", "statsIgnore[b]": 0, "statsIgnore[c]": 7}
    assert told == {"overlap": 2, "statsIgnore": "nan", **own}


def test_defaults_of_the_environment_reach_every_output() -> None:
    creation = {"GTiff": ("COMPRESS=LZW",)}
    options, hooks = resolving.resolve(DEFAULTS, {}, creation, inputs(), outputs())
    found = [each.default_creation_options for each in options.outputs.values()]
    assert found == [creation] * 3
    assert options.changed == {}
    assert hooks.progress is None
    assert not hooks.before_close


def test_files_of_another_kind_are_refused() -> None:
    wrong: Any = {"nir": "nir.tif"}
    with pytest.raises(ParameterError, match=r"^infiles must be a FilenameAssociations, not dict$"):
        resolving.resolve(DEFAULTS, {}, {}, wrong, outputs())


def test_a_run_without_inputs_needs_a_grid() -> None:
    with pytest.raises(ParameterError, match=r"^infiles is empty: give at least one input"):
        resolving.resolve(DEFAULTS, {}, {}, FilenameAssociations(), outputs())
