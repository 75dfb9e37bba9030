"""What is found in AWS before a run: moto's, in which tasks and jobs really run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from rios_flows.controls.concurrency import CW_AWSBATCH, CW_ECS, ConcurrencyStyle
from rios_flows.doctor.aws import look_at_batch, look_at_ecs
from rios_flows.doctor.examining import examine
from rios_flows.doctor.findings import Finding, Findings
from tests.support.aws import IMAGE, Aws
from tests.support.aws_runs import batch_on, ecs_on, style_in


def by_what(found: Iterable[Finding]) -> dict[str, Finding]:
    found = list(found)
    # what is not good has a remedy
    assert all(bool(each.remedy) == (each.state != "good") for each in found), found
    return {each.what: each for each in found}


def looked(kind: str, workers: int = 1, **extra: Any) -> dict[str, Finding]:
    """Look at AWS alone; the rest is the same for all kinds."""
    found = Findings()
    look = look_at_ecs if kind == CW_ECS else look_at_batch
    with found.of(kind):
        look(found, ConcurrencyStyle(0, workers, kind, extra or None), extra)
    return by_what(found)


def without_interface(extra: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in extra.items() if key != "interface"}


@pytest.mark.parametrize("kind", ["ecs", "batch"])
def test_all_is_well(kind: str, aws: Aws, tmp_path: Path) -> None:
    place = (ecs_on if kind == "ecs" else batch_on)(aws)
    found = by_what(examine(style_in(place, numComputeWorkers=1), tmp_path, attempt=True))
    assert not [each for each in found.values() if each.state == "bad"]
    assert found["credentials"].found.endswith(", in us-east-1")
    assert found["image"] == Finding("image", "good", IMAGE)
    assert "hello from" in found["a worker"].found
    assert found["shared directory"].found in ("none is needed", f"the worker writes to {tmp_path}")
    assert found["address of the run"].state == "note"


def test_no_such_cluster(aws: Aws) -> None:
    extra = without_interface(ecs_on(aws).extra)
    found = looked(CW_ECS, **{**extra, "run_task": {**extra["run_task"], "cluster": "nowhere"}})
    assert found["cluster"].state == "bad"
    assert "no cluster 'nowhere'" in found["cluster"].found


def test_a_cluster_without_instances(aws: Aws) -> None:
    extra = without_interface(ecs_on(aws).extra)
    run = {**extra["run_task"], "launchType": "EC2"}
    found = looked(CW_ECS, **{**extra, "run_task": run})
    assert found["cluster"].state == "bad"
    assert "FARGATE" in found["cluster"].remedy
    # the definition is for Fargate alone
    assert found["task definition"].state == "bad"
    assert "launchType is EC2" in found["task definition"].found


def test_no_such_task_definition(aws: Aws) -> None:
    run = {"cluster": aws.cluster, "launchType": "FARGATE", "taskDefinition": "none-of-these"}
    found = looked(CW_ECS, run_task=run)
    assert found["task definition"].state == "bad"
    assert "see taskDefinition" in found["task definition"].remedy


def test_a_definition_that_the_run_makes(aws: Aws) -> None:
    container = {"name": "worker", "image": "busybox", "logConfiguration": {"logDriver": "awslogs"}}
    definition = {
        "family": "mine",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [container, {"name": "beside", "image": ""}],
    }
    run: dict[str, Any] = {"launchType": "FARGATE"}
    extra: dict[str, Any] = {
        "register_task_definition": definition,
        "create_cluster": {"clusterName": "mine"},
    }
    found = looked(CW_ECS, **extra, run_task=run)
    assert found["cluster"].found == "the run makes one of its own"
    assert "networkConfiguration" in found["task definition"].remedy
    run["networkConfiguration"] = {"awsvpcConfiguration": {"subnets": [aws.subnet]}}
    told = Findings()
    look_at_ecs(told, ConcurrencyStyle(0, 1, CW_ECS), {**extra, "run_task": run})
    images = [(each.state, each.found) for each in told if each.what == "image"]
    assert images == [("note", "busybox"), ("bad", "none is named")]
    assert next(each for each in told if each.what == "logs").state == "note"


def test_no_such_queue_and_definition(aws: Aws) -> None:
    found = looked(CW_AWSBATCH, jobQueue="nowhere", jobDefinition="nothing")
    assert found["job queue"].found == "there is no queue 'nowhere'"
    assert found["job definition"].state == "bad"


def test_a_queue_that_is_disabled(aws: Aws) -> None:
    extra = without_interface(batch_on(aws).extra)
    batch = aws.client("batch")
    batch.update_job_queue(jobQueue=aws.queue, state="DISABLED")
    try:
        found = looked(CW_AWSBATCH, **extra)
    finally:
        batch.update_job_queue(jobQueue=aws.queue, state="ENABLED")
    assert "DISABLED" in found["job queue"].found


def test_no_stack(aws: Aws) -> None:
    found = looked(CW_AWSBATCH, stack="no-such-stack")
    assert "no-such-stack" in found[CW_AWSBATCH].found


def test_a_stack_with_little_room(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {"BatchVCPUS": "4", "BatchMaxVCPUS": "8"}
    extra = without_interface(batch_on(aws).extra)
    told = extra["jobQueue"], extra["jobDefinition"], outputs
    monkeypatch.setattr("rios_flows.doctor.aws.queue_and_definition", lambda _: told)
    assert looked(CW_AWSBATCH, 2, **extra)["stack"].state == "good"
    stack = looked(CW_AWSBATCH, 3, **extra)["stack"]
    assert (stack.state, "room for 2 workers" in stack.found) == ("bad", True)


def test_no_credentials(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    found = looked(CW_ECS, run_task={"taskDefinition": "any"})
    assert "NoCredentialsError" in found[CW_ECS].found
    assert "AWS_PROFILE" in found[CW_ECS].remedy
