"""RIOS's makers of extra parameters for ECS."""

from __future__ import annotations

import os
from typing import Any

import pytest

from rios_flows.computemanager import ECSComputeWorkerMgr
from rios_flows.rioserrors import ParameterError
from rios_flows.workers.launchers import ecsparams

FARGATE: dict[str, Any] = {
    "containerImage": "image:1",
    "taskRoleArn": "arn:task",
    "executionRoleArn": "arn:execution",
    "subnet": "subnet-1",
    "securityGroups": ["sg-1"],
}


def test_fargate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    extra = ECSComputeWorkerMgr.makeExtraParams_Fargate(
        **FARGATE, jobName="a job", cloudwatchLogGroup="/logs", tags={"team": "maps"}
    )
    name = extra["create_cluster"]["clusterName"].removesuffix("_cluster")
    assert name.startswith("RIOS_a_job-")
    definition, run = extra["register_task_definition"], extra["run_task"]
    assert definition["family"] == f"{name}_task"
    assert (definition["cpu"], definition["memory"]) == ("0.5 vCPU", "1GB")
    assert definition["requiresCompatibilities"] == ["FARGATE"]
    assert (definition["taskRoleArn"], definition["executionRoleArn"]) == (
        *("arn:task", "arn:execution"),
    )
    (container,) = definition["containerDefinitions"]
    assert container["image"] == "image:1"
    assert container["logConfiguration"]["options"] == {
        "awslogs-group": "/logs",
        "awslogs-region": "eu-west-1",
        "awslogs-stream-prefix": name,
    }
    network = {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}
    assert run == {
        "launchType": "FARGATE",
        "cluster": f"{name}_cluster",
        "networkConfiguration": {"awsvpcConfiguration": network},
        "tags": [{"key": "team", "value": "maps"}],
    }
    other = ECSComputeWorkerMgr.makeExtraParams_Fargate(**FARGATE, cpuArchitecture="ARM64")
    assert other["register_task_definition"]["runtimePlatform"] == {"cpuArchitecture": "ARM64"}
    assert other["create_cluster"] != extra["create_cluster"]


def test_no_region_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    extra = ECSComputeWorkerMgr.makeExtraParams_Fargate(**FARGATE, cloudwatchLogGroup="/logs")
    (container,) = extra["register_task_definition"]["containerDefinitions"]
    assert "awslogs-region" not in container["logConfiguration"]["options"]


def test_subnets() -> None:
    with pytest.raises(ParameterError, match="leave subnets out"):
        ECSComputeWorkerMgr.makeExtraParams_Fargate(**FARGATE, subnets=["subnet-2"])
    del (old := dict(FARGATE))["subnet"]
    with pytest.warns(FutureWarning, match="give subnet"):
        extra = ECSComputeWorkerMgr.makeExtraParams_Fargate(**old, subnets=["subnet-2"])
    network = extra["run_task"]["networkConfiguration"]["awsvpcConfiguration"]
    assert network["subnets"] == ["subnet-2"]


@pytest.mark.parametrize("name", ["containerImage", "executionRoleArn", "subnet", "securityGroups"])
def test_what_is_missing(name: str) -> None:
    with pytest.raises(ParameterError, match=f"makeExtraParams_Fargate: {name} must be given"):
        ECSComputeWorkerMgr.makeExtraParams_Fargate(**{**FARGATE, name: None})


def test_private_cluster() -> None:
    extra = ECSComputeWorkerMgr.makeExtraParams_PrivateCluster(
        **FARGATE,
        numInstances=3,
        ami="ami-1",
        instanceType="m5.large",
        instanceProfileArn="arn:profile",
        tags=[{"key": "team", "value": "maps"}],
    )
    cluster = extra["create_cluster"]["clusterName"]
    machines = extra["run_instances"]
    assert (machines["MinCount"], machines["MaxCount"]) == (3, 3)
    assert f"ECS_CLUSTER={cluster} " in machines["UserData"]
    (tags,) = machines["TagSpecifications"]
    assert {"Key": "RIOS-clustername", "Value": cluster} in tags["Tags"]
    assert {"Key": "team", "Value": "maps"} in tags["Tags"]
    (container,) = extra["register_task_definition"]["containerDefinitions"]
    assert container["memoryReservation"] == 1024
    assert extra["run_task"]["launchType"] == "EC2"
    with pytest.raises(ParameterError, match="numInstances, ami, instanceType, instanceProfileArn"):
        ECSComputeWorkerMgr.makeExtraParams_PrivateCluster(**FARGATE)


def test_tags_that_are_none() -> None:
    with pytest.raises(ParameterError, match="must be a dict, or a list of dicts"):
        ecsparams._tags([{"Key": "team"}])
