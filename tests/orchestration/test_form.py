"""The form of the deployment for any function: typed fields, and values refused before a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import is_valid, validate

from rios_flows.controls.options import CONTROLS
from rios_flows.orchestration.call import ApplyCall
from rios_flows.orchestration.flow import apply_flow
from tests.orchestration.jobs import Job, double
from tests.orchestration.served import Api

SCHEMA = json.loads(json.dumps(parameter_schema(apply_flow).model_dump_for_openapi()))
GIVEN = {"function": "a:b", "infiles": {"x": "1.tif"}, "outfiles": {"y": ["1.tif", "2.tif"]}}


def test_fields() -> None:
    assert SCHEMA["required"] == ["function"]
    controls = SCHEMA["properties"]["controls"]
    assert next(iter(controls["properties"])) == "windowxsize"
    for name, told in controls["properties"].items():
        assert told["description"].startswith(CONTROLS[name].about)
    width = controls["properties"]["windowxsize"]
    assert width["type"] == "integer"
    assert width["minimum"] == 1
    assert width["description"].endswith("(pixels); by default 256")


def test_no_control_has_a_default_that_a_form_would_send() -> None:
    def defaults(schema: Any) -> bool:
        if isinstance(schema, dict):
            return "default" in schema or any(map(defaults, schema.values()))
        return isinstance(schema, list) and any(map(defaults, schema))

    assert not defaults(SCHEMA["properties"]["controls"]["properties"])


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"controls": {"windowxsize": 512, "resampleMethod[x]": "cubic"}}, True),
        ({"controls": {"concurrency": {"numReadWorkers": 1, "readBufferPopTimeout": "inf"}}}, True),
        ({"otherArgs": {"a": [1]}}, True),
        ({"controls": {"windowxsize": 0}}, False),
        ({"controls": {"windowxsiz": 512}}, False),
        ({"controls": {"resampleMethod[x]": "best"}}, False),
        ({"controls": {"concurrency": {"numReadWorker": 1}}}, False),
        ({"infiles": {"x": 5}}, False),
        ({"function": "b"}, False),
        ({"infile": {}}, False),
    ],
)
def test_what_the_server_refuses(change: dict[str, Any], good: bool) -> None:
    # these are the functions that the server calls
    assert is_valid({**GIVEN, **change}, {**SCHEMA, "additionalProperties": False}) is good
    assert (not validate({**GIVEN, **change}, {**SCHEMA, "additionalProperties": False})) is good


@pytest.mark.prefect
def test_a_call_from_python_shows_what_the_form_takes(api: Api, tmp_path: Path) -> None:
    job = Job(tmp_path, "form")
    job.controls.setStatsIgnore(float("nan"), "result")
    shown = ApplyCall.prepare(double, job.infiles, job.outfiles, None, job.controls).parameters
    assert is_valid(shown, SCHEMA)


@pytest.mark.prefect
def test_other_args(api: Api, tmp_path: Path) -> None:
    job = Job(tmp_path, "others")
    shown = ApplyCall.prepare(double, job.infiles, job.outfiles, None, job.controls).parameters
    counting = {**shown, "function": "tests.orchestration.jobs:count", "otherArgs": {"blocks": 5}}
    state = apply_flow(**counting, return_state=True)
    assert state.is_completed(), state.message
    assert job.is_done()


@pytest.mark.prefect
def test_all_that_is_wrong_is_in_the_state(api: Api, tmp_path: Path) -> None:
    state = apply_flow("a:b", controls={"overlp": 1, "windowxsize": 0}, return_state=True)
    assert state.is_failed()
    assert state.message is not None
    for words in ("is 'overlap' meant?", "windowxsize=0 is not right"):
        assert words in state.message
