"""The form of the deployment for any function: typed fields, and values refused before a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rasterio
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import is_valid, validate

from rios_flows.controls.options import CONTROLS
from rios_flows.controls.schemas import schema_of
from rios_flows.jobs.formschema import CONTROL_GROUPS
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
    assert len(controls["properties"]) == 10
    hidden, more = SCHEMA["properties"]["moreControls"]["anyOf"]
    # folded up, until somebody asks for it
    assert hidden["type"] == "null"
    shown = {**controls["properties"], **more["properties"]}
    assert len(shown) == 10 + len(more["properties"])
    objects = {name for name, each in CONTROLS.items() if schema_of(each.check) is None}
    assert set(shown) == set(CONTROLS) - objects
    for name, told in shown.items():
        assert told["title"] == name
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

    for group in CONTROL_GROUPS:
        told = {**SCHEMA["properties"][group], "default": None}
        del told["default"]
        assert not defaults(told)


def test_no_switch_is_sent_that_nobody_has_turned() -> None:
    def kinds(schema: Any) -> set[str]:
        if isinstance(schema, dict):
            own = {schema["type"]} if isinstance(schema.get("type"), str) else set()
            return own.union(*map(kinds, schema.values()))
        return set().union(*map(kinds, schema)) if isinstance(schema, list) else set()

    # the older of the two forms sends every boolean that it shows, as false
    assert "boolean" not in kinds(SCHEMA["properties"])


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"controls": {"windowxsize": 512, "resampleMethod[x]": "cubic"}}, True),
        ({"controls": {"concurrency": {"numReadWorkers": 1, "readBufferPopTimeout": "inf"}}}, True),
        ({"otherArgs": {"a": [1]}}, True),
        ({"controls": {"concurrency": None}, "moreControls": None}, True),
        ({"moreControls": {"tempdir": "/tmp", "resume": True, "blockRetries": None}}, True),
        ({"controls": {"tempdir": "/tmp", "resume": True}}, True),
        ({"imageControls": {"resampleMethod[x]": "cubic"}}, True),
        ({"imageControls": {"resampleMethod": "cubic"}}, False),
        ({"imageControls": {"resampleMethod[x]": "best"}}, False),
        ({"moreControls": {"windowxsize": 5}}, False),
        ({"moreControls": {"resume": "yes"}}, False),
        ({"controls": {"resume": 1}}, False),
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
def test_controls_of_a_form(api: Api, tmp_path: Path) -> None:
    job = Job(tmp_path, "groups")
    state = apply_flow(
        f"{double.__module__}:double",
        vars(job.infiles),
        vars(job.outfiles),
        {"windowxsize": 50, "windowysize": 80, "concurrency": None},
        {"jobName": "of groups", "blockRetries": None},
        {"statsIgnore[result]": 7},
        return_state=True,
    )
    assert str(state.message).startswith("2 blocks in ")
    assert job.is_done()
    assert api.flow_run("of groups").state_name == "Completed"
    with rasterio.open(job.output) as dataset:
        assert dataset.nodata == 7


@pytest.mark.prefect
def test_a_control_that_is_there_twice(api: Api) -> None:
    state = apply_flow(
        "a:b", controls={"resume": True}, moreControls={"resume": False}, return_state=True
    )
    assert state.is_failed()
    assert "control 'resume' is there twice" in str(state.message)


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
