"""Task definitions, job definition and stack: AWS, as far as moto knows it, takes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rios_flows.version import __version__
from tests.support.aws import Aws
from tests.support.aws_stack import stack_on

FOLDER = Path(__file__).parents[2] / "deployments"

KINDS = ("fargate", "ec2")

#: The outputs by which RIOS, and CW_AWSBATCH, find a queue.
OUTPUTS = {
    "BatchProcessingJobQueueName": "RIOS-rios-flows",
    "BatchProcessingJobDefinitionName": "RIOS-rios-flows",
    "BatchVCPUS": "2",
    "BatchMaxVCPUS": "16",
}


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return found


def containers(name: str) -> list[dict[str, Any]]:
    told = read(name)
    return told.get("containerDefinitions") or [told["containerProperties"]]


@pytest.mark.parametrize(
    "name", [*(f"ecs/task-definition-{kind}.json" for kind in KINDS), "batch/job-definition.json"]
)
def test_images_and_logs(name: str) -> None:
    (container,) = containers(name)
    assert container["image"].endswith(f"/rios-flows:{__version__}")
    # nothing else reaps what a user function leaves
    assert container["linuxParameters"] == {"initProcessEnabled": True}
    assert container["logConfiguration"]["options"]["awslogs-group"] == "/rios-flows/workers"
    # secrets are never in a definition
    assert not container.get("environment")
    assert not container.get("secrets")


@pytest.mark.parametrize("kind", KINDS)
def test_task_definitions_are_taken(kind: str, aws: Aws) -> None:
    definition = read(f"ecs/task-definition-{kind}.json")
    told = aws.client("ecs").register_task_definition(**definition)["taskDefinition"]
    assert told["family"] == definition["family"]
    assert told["requiresCompatibilities"] == [kind.upper()]
    assert [each["name"] for each in told["containerDefinitions"]] == ["worker"]


def test_the_job_definition_is_taken(aws: Aws) -> None:
    definition = read("batch/job-definition.json")
    batch = aws.client("batch")
    name = batch.register_job_definition(**definition)["jobDefinitionName"]
    (told,) = batch.describe_job_definitions(jobDefinitionName=name)["jobDefinitions"]
    # the run replaces lost workers itself
    assert told["retryStrategy"] == {"attempts": 1}


def test_the_stack_has_what_a_run_looks_for(aws: Aws) -> None:
    with stack_on(aws, VCPUs="2", MaxVCPUs="16") as stack:
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        assert {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]} == OUTPUTS
        batch = aws.client("batch")
        names = {each["jobQueueName"] for each in batch.describe_job_queues()["jobQueues"]}
        assert OUTPUTS["BatchProcessingJobQueueName"] in names
        (definition, *_) = batch.describe_job_definitions(
            jobDefinitionName=OUTPUTS["BatchProcessingJobDefinitionName"], status="ACTIVE"
        )["jobDefinitions"]
        assert definition["containerProperties"]["image"] == "rios-flows:test"


def test_the_stack_has_no_aliases() -> None:
    # CloudFormation refuses them, and moto does not
    text = (FOLDER / "batch" / "stack.yaml").read_text()
    assert not [event for event in yaml.parse(text) if isinstance(event, yaml.AliasEvent)]


def test_the_page_names_every_file() -> None:
    page = (FOLDER.parent / "docs" / "deployments.md").read_text()
    for folder in ("iam", "pools", "batch"):
        for path in (FOLDER / folder).iterdir():
            name = path.stem if folder == "pools" else path.name
            assert name in page, name
