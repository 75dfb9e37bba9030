"""What the schema of a control says of it agrees with its check; and names spelled almost right."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from rios_flows.controls import schemas
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.options import CONTROLS
from rios_flows.controls.retries import BlockRetries
from rios_flows.controls.spelling import question

#: Values in JSON, of all kinds that controls take and some more.
VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        2,
        -1,
        0.5,
        "nan",
        "reflect",
        "",
        "near",
        "NEAREST",
        "gray",
        "uint8",
    ),
    *("UNION", [], [1], [0], [2, 4], ["a"], ["a=b"], [""], {}, {"a": "b"}, {"a": 1}, "x.tif"),
    *({"io": 3}, {"io": -1}, {"numReadWorkers": 1}, {"numReadWorkers": -1}, {"delay": 0.1}),
]


def is_checked(name: str, value: Any) -> bool:
    control = CONTROLS[name]
    try:
        control.checked(control.from_json(value))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "name", [name for name, each in CONTROLS.items() if schemas.schema_of(each.check) is not None]
)
def test_schema_and_check_agree(name: str) -> None:
    schema = schemas.schema_of(CONTROLS[name].check)
    assert schema is not None
    Draft202012Validator.check_schema(schema)
    valid = Draft202012Validator(schema).is_valid
    for value in VALUES:
        # a form must not let pass what would be refused
        if valid(value):
            assert is_checked(name, value), value
    assert any(valid(value) and is_checked(name, value) for value in VALUES) or (
        name == "referencePixgrid"
    )


@pytest.mark.parametrize(
    ("schema", "kind"), [(schemas.STYLE, ConcurrencyStyle), (schemas.RETRIES, BlockRetries)]
)
def test_objects_have_all_their_parts(schema: schemas.Schema, kind: type) -> None:
    assert list(schema["properties"]) == [each.name for each in fields(kind)]
    made = kind()
    for name, part in schema["properties"].items():
        assert part["default"] == getattr(made, name)


def test_questions() -> None:
    assert question("WindowXSize", CONTROLS) == "; is 'windowxsize' meant?"
    assert question("something else", CONTROLS) == ""
