"""Templates of work pools: current, sound, and taken by a Prefect server."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.server.schemas.actions import validate_base_job_template
from prefect.settings import PREFECT_API_URL, temporary_settings

from rios_flows.version import __version__
from tests.orchestration.served import Server

FOLDER = Path(__file__).parents[2] / "deployments"
BUILDER = runpy.run_path(str(FOLDER / "build_pools.py"))
KINDS = tuple(BUILDER["DEFAULTS"])


def template(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "pools" / f"{kind}.json").read_text())
    return found


def placeholders(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from placeholders(each)
    elif isinstance(value, list):
        for each in value:
            yield from placeholders(each)
    elif isinstance(value, str):
        yield from re.findall(r"\{\{\s*(\w+)\s*\}\}", value)


def test_there_is_one_for_each_kind() -> None:
    assert {path.stem for path in (FOLDER / "pools").glob("*.json")} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_current(kind: str) -> None:
    text = (FOLDER / "pools" / f"{kind}.json").read_text()
    assert text == BUILDER["render"](kind), "run: make pages"


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_sound(kind: str) -> None:
    found = validate_base_job_template(template(kind))
    variables = found["variables"]
    jsonschema.Draft202012Validator.check_schema(variables)
    assert set(placeholders(found["job_configuration"])) <= set(variables["properties"])
    # what is filled in is what the schema takes
    jsonschema.validate(BUILDER["DEFAULTS"][kind], variables)
    told = {
        name: each["default"] for name, each in variables["properties"].items() if "default" in each
    }
    for name, value in BUILDER["DEFAULTS"][kind].items():
        assert told[name] == value
    assert told["env"]["OMP_NUM_THREADS"] == "1"
    if "image" in told:
        assert told["image"].endswith(f"/rios-flows:{__version__}")


@pytest.mark.prefect
def test_a_server_takes_them(server: Server) -> None:
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        for kind in KINDS:
            name = f"pool of the template {kind}"
            client.create_work_pool(
                WorkPoolCreate(name=name, type=kind, base_job_template=template(kind)),
                overwrite=True,
            )
            kept = client.read_work_pool(name)
            assert kept.type == kind
            assert kept.base_job_template == template(kind)
            client.delete_work_pool(name)
