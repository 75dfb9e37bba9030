"""The form lets pass what job files let pass, but for null where the field left out says it."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from rios_flows.controls.options import CONTROLS
from rios_flows.jobs.descriptionschema import CONTROLS_SCHEMA
from rios_flows.jobs.formschema import FOLDED_SCHEMA, IMAGES_SCHEMA, SHOWN_SCHEMA, joined
from rios_flows.rioserrors import ParameterError
from tests.controls.test_schemas import VALUES

FIELDS = {**SHOWN_SCHEMA["properties"], **FOLDED_SCHEMA["anyOf"][1]["properties"]}
OBJECTS = {"concurrency", "blockRetries", "referencePixgrid"}


@pytest.mark.parametrize("name", list(CONTROLS_SCHEMA["properties"]))
def test_the_same_values_pass(name: str) -> None:
    Draft202012Validator.check_schema(FIELDS[name])
    form = Draft202012Validator(FIELDS[name]).is_valid
    file = Draft202012Validator(CONTROLS_SCHEMA["properties"][name]).is_valid
    for value in [*VALUES, {"haveSharedTemp": False}, {"computeBarrierTimeout": "inf"}, ["nan", 1]]:
        if value is not None:
            assert form(value) is file(value), value
    # null where it says more than a field that is left out; and an object that is folded up
    says = CONTROLS[name].default is not None or CONTROLS[name].variable is not None
    assert form(None) is (name in OBJECTS or (says and file(None)))


def test_every_tab_has_a_title() -> None:
    def tabs(schema: Any) -> list[Any]:
        if isinstance(schema, dict):
            return [*schema.get("anyOf", ()), *(t for part in schema.values() for t in tabs(part))]
        return [t for part in schema for t in tabs(part)] if isinstance(schema, list) else []

    found = tabs([SHOWN_SCHEMA, FOLDED_SCHEMA, IMAGES_SCHEMA])
    assert found
    assert all(tab["title"] for tab in found)


def test_every_field_of_an_object_has_a_title_and_help() -> None:
    for name in OBJECTS:
        null, told = FIELDS[name]["anyOf"]
        assert null["type"] == "null"
        for part, about in told["properties"].items():
            assert about["title"] == part
            assert about["description"]


def test_values_of_single_images_pass_in_both_places() -> None:
    for schema in (SHOWN_SCHEMA, IMAGES_SCHEMA):
        valid = Draft202012Validator(schema).is_valid
        assert valid({"resampleMethod[red]": "cubic", "statsIgnore[index]": "nan"})
        assert not valid({"windowxsize[red]": 5})
        assert not valid({"resampleMethod[red]": 5})


def test_groups_are_joined() -> None:
    first = {"windowxsize": 5, "concurrency": None, "statsIgnore": None}
    assert joined(first, None, {"thematic[a]": True}) == {
        "windowxsize": 5,
        "statsIgnore": None,
        "thematic[a]": True,
    }
    with pytest.raises(ParameterError, match="'windowxsize' is there twice"):
        joined(first, {"windowxsize": 5})
