"""What is found in AWS before a run: moto's, in which tasks and jobs really run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from rios_flows.controls.concurrency import CW_AWSBATCH, CW_ECS, ConcurrencyStyle
from rios_flows.doctor.awsbatch import look_at_batch
from rios_flows.doctor.ecs import look_at_ecs
from rios_flows.doctor.examining import examine
from rios_flows.doctor.findings import Finding, Findings
from tests.support.aws import IMAGE, Aws
from tests.support.aws_leave import Leave
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


def test_names_that_boto3_does_not_know(aws: Aws) -> None:
    found = looked(CW_ECS, run_task={"taskDefinition": "any", "clutser": "lab"})
    assert 'Unknown parameter in input: "clutser"' in found["run_task"].found
    assert "names and types are boto3's" in found["run_task"].remedy
    definition = {"containerDefinitions": [{"name": "worker", "image": "i", "memory": "4GB"}]}
    run = {"launchType": "FARGATE"}
    found = looked(
        CW_ECS, run_task=run, register_task_definition=definition, create_cluster={"a": 1}
    )
    assert "containerDefinitions[0].memory" in found["register_task_definition"].found
    assert 'input: "a"' in found["create_cluster"].found
    machines = {"MinCount": "2", "MaxCount": 2}
    found = looked(CW_ECS, run_task={"taskDefinition": "any"}, run_instances=machines)
    assert "for parameter MinCount" in found["run_instances"].found
    extra = {**without_interface(batch_on(aws).extra), "submit_job": {"timeOut": 3}}
    assert '"timeOut"' in looked(CW_AWSBATCH, **extra)["submit_job"].found


def test_a_cluster_without_instances(aws: Aws) -> None:
    extra = without_interface(ecs_on(aws).extra)
    run = {**extra["run_task"], "launchType": "EC2"}
    found = looked(CW_ECS, **{**extra, "run_task": run})
    assert found["cluster"].state == "bad"
    assert "FARGATE" in found["cluster"].remedy
    # the definition is for Fargate alone
    assert found["task definition"].state == "bad"
    assert "launchType is EC2" in found["task definition"].found


def test_a_cluster_with_capacity_providers_of_its_own(aws: Aws) -> None:
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    aws.client("ecs").create_cluster(
        clusterName="spot-lab",
        capacityProviders=["FARGATE_SPOT"],
        defaultCapacityProviderStrategy=strategy,
    )
    run = {**ecs_on(aws).extra["run_task"], "cluster": "spot-lab"}
    del run["launchType"]
    # no launchType: the cluster says who gives tasks their place
    found = looked(CW_ECS, run_task=run)
    assert found["cluster"].found == "spot-lab is active, for tasks on FARGATE_SPOT"
    assert (found["cluster"].state, found["task definition"].state) == ("good", "good")
    # the strategy of the task comes before that of the cluster
    run["capacityProviderStrategy"] = [{"capacityProvider": "machines"}]
    found = looked(CW_ECS, run_task=run)
    assert "no capacity provider machines: it has FARGATE_SPOT" in found["cluster"].found
    assert "the capacity provider is EC2" in found["task definition"].found
    # and of a cluster that the run makes
    extra: dict[str, Any] = {"create_cluster": {"clusterName": "mine"}}
    run |= {"cluster": "mine", "capacityProviderStrategy": strategy}
    assert "it has none" in looked(CW_ECS, **extra, run_task=run)["cluster"].found
    extra["create_cluster"]["capacityProviders"] = ["FARGATE_SPOT"]
    assert looked(CW_ECS, **extra, run_task=run)["cluster"].state == "good"


def test_instances_of_the_run(aws: Aws) -> None:
    run = {"launchType": "EC2", "taskDefinition": aws.task_definition(), "cluster": "mine"}
    extra: dict[str, Any] = {"create_cluster": {"clusterName": "mine"}, "run_task": run}
    assert "0 instances" in looked(CW_ECS, **extra)["cluster"].found
    machines = {"ImageId": "ami-12c6146b", "InstanceType": "m5.large", "MinCount": 2, "MaxCount": 2}
    extra["run_instances"] = {**machines, "SubnetId": aws.subnet}
    found = looked(CW_ECS, **extra)
    assert found["cluster"].found == "the run makes one, for tasks on 2 instances"
    assert found["instances"].found == "EC2 would start 2 of type m5.large"
    assert not aws.instances()
    with Leave([{"Action": "ecs:*", "Resource": "*"}]).enforced():
        bad = looked(CW_ECS, **extra)["instances"]
    assert "to perform: ec2:RunInstances" in bad.found
    assert "deployments/iam" in bad.remedy


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
    assert found["cluster"].found == "the run makes one, for tasks on Fargate"
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


def test_a_compute_environment_that_is_disabled(aws: Aws) -> None:
    extra = without_interface(batch_on(aws).extra)
    assert looked(CW_AWSBATCH, **extra)["compute environment"].found == "lab-machines is enabled"
    batch = aws.client("batch")
    batch.update_compute_environment(computeEnvironment="lab-machines", state="DISABLED")
    try:
        found = looked(CW_AWSBATCH, **extra)["compute environment"]
    finally:
        batch.update_compute_environment(computeEnvironment="lab-machines", state="ENABLED")
    assert (found.state, "DISABLED" in found.found) == ("bad", True)


def test_a_definition_of_another_type(aws: Aws) -> None:
    container = {"image": "i", "resourceRequirements": [{"type": "VCPU", "value": "1"}]}
    nodes = [{"targetNodes": "0:1", "container": container}]
    name = aws.client("batch").register_job_definition(
        jobDefinitionName="several",
        type="multinode",
        nodeProperties={"numNodes": 2, "mainNode": 0, "nodeRangeProperties": nodes},
    )["jobDefinitionName"]
    found = looked(CW_AWSBATCH, jobQueue=aws.queue, jobDefinition=name)["job definition"]
    assert "of type multinode" in found.found


def test_no_stack(aws: Aws) -> None:
    found = looked(CW_AWSBATCH, stack="no-such-stack")
    assert "no-such-stack" in found[CW_AWSBATCH].found


def test_a_stack_with_little_room(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {"BatchVCPUS": "4", "BatchMaxVCPUS": "8"}
    extra = without_interface(batch_on(aws).extra)
    told = extra["jobQueue"], extra["jobDefinition"], outputs
    monkeypatch.setattr("rios_flows.doctor.awsbatch.queue_and_definition", lambda _: told)
    assert looked(CW_AWSBATCH, 2, **extra)["stack"].state == "good"
    stack = looked(CW_AWSBATCH, 3, **extra)["stack"]
    assert (stack.state, "room for 2 workers" in stack.found) == ("bad", True)


def test_no_credentials(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    found = looked(CW_ECS, run_task={"taskDefinition": "any"})
    assert "NoCredentialsError" in found[CW_ECS].found
    assert "AWS_PROFILE" in found[CW_ECS].remedy
