"""What removes everything that a run has in AWS, without anything of rios_flows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from rios_flows.workers.launchers import remains
from rios_flows.workers.launchers.remains import RUN_TAG, Remains, container_instances, remove
from tests.support.aws import Aws


def test_command_needs_no_rios_flows(tmp_path: Path) -> None:
    command = Remains(region="eu-west-1", cluster="it's").command()
    fake = tmp_path / "rios_flows"
    fake.mkdir()
    (fake / "__init__.py").write_text("raise ImportError('not here')")
    # nothing is named that would have to be removed
    subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, check=True)
    assert command[0] == sys.executable


def test_remains_are_those_of_one_run(aws: Aws) -> None:
    ecs = aws.client("ecs")
    network = {"awsvpcConfiguration": {"subnets": [aws.subnet], "securityGroups": [aws.group]}}
    overrides = {"containerOverrides": [{"name": "worker", "command": ["sleep", "100"]}]}
    for who in ("ours", "another"):
        ecs.run_task(
            cluster=aws.cluster,
            taskDefinition=aws.task_definition(),
            launchType="FARGATE",
            networkConfiguration=network,
            overrides=overrides,
            startedBy=who,
        )
    jobs = [
        aws.client("batch").submit_job(
            jobName=name,
            jobQueue=aws.queue,
            jobDefinition=aws.job_definition(),
            containerOverrides={"command": ["sleep", "100"]},
        )["jobId"]
        for name in ("ours-1", "another-1")
    ]
    what = Remains(cluster=aws.cluster, started_by="ours", queue=aws.queue, job_name="ours")
    subprocess.run(what.command(), check=True, timeout=60)
    (left,) = [task for task in aws.tasks() if task["desiredStatus"] == "RUNNING"]
    assert left["startedBy"] == "another"
    told = aws.client("batch").describe_jobs(jobs=jobs)["jobs"]
    assert [job.get("statusReason", "") for job in told] == ["rios_flows: the run is over", ""]
    ecs.stop_task(cluster=aws.cluster, task=left["taskArn"])
    aws.client("batch").terminate_job(jobId=jobs[1], reason="over")
    # once more, when all of it is gone
    remove(what)


def test_instances_of_others_stay_in_the_cluster(aws: Aws) -> None:
    ecs, ec2 = aws.client("ecs"), aws.client("ec2")
    ecs.create_cluster(clusterName="theirs")
    made = [
        ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            UserData="#!/bin/bash\necho ECS_CLUSTER=theirs >> /etc/ecs/ecs.config\n",
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": RUN_TAG, "Value": who}]}
            ],
        )["Instances"][0]["InstanceId"]
        for who in ("ours", "another")
    ]
    remove(Remains(cluster="theirs", started_by="ours", made_instances=True))
    assert [each["ec2InstanceId"] for each in container_instances(ecs, "theirs")] == made[1:]
    assert aws.instances() == 1
    # a whole cluster goes with all that is in it, once nothing of others is left
    ec2.terminate_instances(InstanceIds=made[1:])
    for _ in range(2):
        remove(Remains(cluster="theirs", started_by="another", made_cluster=True))
        assert "theirs" not in aws.clusters()


def test_cluster_whose_tasks_have_not_quite_stopped(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remains, "_PAUSE", 0.01)
    aws.client("ecs").create_cluster(clusterName="busy")
    what = Remains(cluster="busy", started_by="ours", made_cluster=True)
    busy = {"status": 400, "code": "ClusterContainsTasksException"}
    aws.fault("DeleteCluster", times=3, **busy)
    # as a program it is started again instead
    with pytest.raises(ClientError, match="ClusterContainsTasks"):
        remove(what, patience=0)
    remove(what)
    assert "busy" not in aws.clusters()


def test_definitions_of_which_an_earlier_attempt_has_left_some(aws: Aws) -> None:
    ecs = aws.client("ecs")
    names = [aws.task_definition("ours-1a2b") for _ in range(12)]
    kept = aws.task_definition("ours-1a2b3c")
    ecs.deregister_task_definition(taskDefinition=names[0])
    remove(Remains(family="ours-1a2b"))
    listed = [ecs.list_task_definitions(status=status) for status in ("ACTIVE", "INACTIVE")]
    arns = [arn for each in listed for arn in each["taskDefinitionArns"] if "/ours-" in arn]
    assert [arn.rpartition("/")[2] for arn in arns] == [kept]


def test_aws_that_is_silent_is_not_waited_for_again_and_again(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(remains._BRIEF, "read_timeout", 0.3)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    aws.fault("DeleteParameter", times=2, delay=1)
    what = Remains(parameter="/runs/x", cluster="nowhere", started_by="ours", family="ours")
    before = aws.calls("ListTasks"), aws.calls("ListTaskDefinitions")
    with pytest.raises(ReadTimeoutError):
        remove(what)
    assert aws.calls("DeleteParameter") >= 2
    assert (aws.calls("ListTasks"), aws.calls("ListTaskDefinitions")) == before
