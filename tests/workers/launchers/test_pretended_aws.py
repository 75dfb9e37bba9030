"""The pretended AWS of the tests does what the real one does."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.aws import Aws
from tests.support.aws_containers import NO_IMAGE
from tests.support.queues import wait_until


def run_task(aws: Aws, command: list[str], definition: str = "", **more: Any) -> str:
    overrides = {"containerOverrides": [{"name": "worker", "command": command, **more}]}
    network = {"subnets": [aws.subnet], "securityGroups": [aws.group]}
    told = aws.client("ecs").run_task(
        cluster=aws.cluster,
        taskDefinition=definition or aws.task_definition(),
        launchType="FARGATE",
        overrides=overrides,
        networkConfiguration={"awsvpcConfiguration": network},
    )
    assert not told["failures"]
    arn: str = told["tasks"][0]["taskArn"]
    return arn


def task(aws: Aws, arn: str, status: str) -> dict[str, Any]:
    """Wait for a task's state, and return what is told of it."""

    def told() -> dict[str, Any]:
        found: dict[str, Any]
        (found,) = aws.client("ecs").describe_tasks(cluster=aws.cluster, tasks=[arn])["tasks"]
        return found

    wait_until(lambda: told()["lastStatus"] == status, 20)
    return told()


def submit(aws: Aws, command: list[str], definition: str = "", **more: Any) -> str:
    job: str = aws.client("batch").submit_job(
        jobName="a-job",
        jobQueue=aws.queue,
        jobDefinition=definition or aws.job_definition(),
        containerOverrides={"command": command},
        **more,
    )["jobId"]
    return job


def job(aws: Aws, name: str, status: str) -> dict[str, Any]:
    """Wait for a job's state, and return what is told of it."""

    def told() -> dict[str, Any]:
        found: dict[str, Any]
        (found,) = aws.client("batch").describe_jobs(jobs=[name])["jobs"]
        return found

    wait_until(lambda: told()["status"] == status, 20)
    return told()


def test_task_runs_and_ends(aws: Aws) -> None:
    logging = {"awslogs-group": "lab", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "w"}
    definition = aws.task_definition(
        environment=[{"name": "WHO", "value": "world"}, {"name": "HOW", "value": "badly"}],
        logConfiguration={"logDriver": "awslogs", "options": logging},
    )
    script = "echo hello $WHO, $HOW; exit 3"
    told = run_task(
        aws, ["sh", "-c", script], definition, environment=[{"name": "HOW", "value": "well"}]
    )
    ended = task(aws, told, "STOPPED")
    assert ended["containers"][0]["exitCode"] == 3
    assert ended["stopCode"] == "EssentialContainerExited"
    stream = f"w/worker/{told.rpartition('/')[2]}"
    events = aws.client("logs").get_log_events(logGroupName="lab", logStreamName=stream)["events"]
    assert [event["message"] for event in events] == ["hello world, well"]


@pytest.mark.parametrize("by", ["a user", "Spot"])
def test_task_is_stopped(aws: Aws, by: str) -> None:
    told = run_task(aws, ["sleep", "100"])
    task(aws, told, "RUNNING")
    reason = f"{by} wants it: Spot Task" if by == "Spot" else "enough"
    aws.client("ecs").stop_task(cluster=aws.cluster, task=told, reason=reason)
    ended = task(aws, told, "STOPPED")
    assert ended["stoppedReason"] == reason
    assert ended["stopCode"] == {"a user": "UserInitiated", "Spot": "SpotInterruption"}[by]
    assert ended["containers"][0]["exitCode"] == 143


def test_task_whose_image_is_not_there(aws: Aws) -> None:
    ended = task(aws, run_task(aws, ["true"], aws.task_definition(image=NO_IMAGE)), "STOPPED")
    assert ended["stopCode"] == "TaskFailedToStart"
    assert ended["stoppedReason"].startswith("CannotPullContainerError")
    assert "exitCode" not in ended["containers"][0]


def test_unknown_task(aws: Aws) -> None:
    arn = "arn:aws:ecs:us-east-1:123456789012:task/lab/none"
    told = aws.client("ecs").describe_tasks(cluster=aws.cluster, tasks=[arn])
    assert [failure["reason"] for failure in told["failures"]] == ["MISSING"]


def test_instances_join_the_cluster_that_their_user_data_names(aws: Aws) -> None:
    ecs, ec2 = aws.client("ecs"), aws.client("ec2")
    ecs.create_cluster(clusterName="with-instances")
    data = "#!/bin/bash\necho ECS_CLUSTER=with-instances >> /etc/ecs/ecs.config\n"
    made = ec2.run_instances(ImageId="ami-12c6146b", MinCount=2, MaxCount=2, UserData=data)

    def registered() -> Any:
        (told,) = ecs.describe_clusters(clusters=["with-instances"])["clusters"]
        return told["registeredContainerInstancesCount"]

    assert registered() == 2
    ec2.terminate_instances(InstanceIds=[each["InstanceId"] for each in made["Instances"]])
    assert registered() == 0


def test_job_runs_and_ends(aws: Aws) -> None:
    told = submit(aws, ["sh", "-c", "echo $AWS_BATCH_JOB_ATTEMPT; exit 4"])
    ended = job(aws, told, "FAILED")
    assert ended["container"]["exitCode"] == 4
    assert ended["statusReason"] == "Essential container in task exited"
    stream = ended["container"]["logStreamName"]
    events = aws.client("logs").get_log_events(logGroupName="/aws/batch/job", logStreamName=stream)
    assert [event["message"] for event in events["events"]] == ["1"]


def test_job_is_tried_again(aws: Aws) -> None:
    script = "[ $AWS_BATCH_JOB_ATTEMPT = 2 ]"
    told = submit(aws, ["sh", "-c", script], aws.job_definition(attempts=3))
    ended = job(aws, told, "SUCCEEDED")
    assert [each["container"]["exitCode"] for each in ended["attempts"]] == [1, 0]


def test_array_of_jobs(aws: Aws) -> None:
    told = submit(aws, ["sh", "-c", "exit $AWS_BATCH_JOB_ARRAY_INDEX"], arrayProperties={"size": 2})
    job(aws, f"{told}:0", "SUCCEEDED")
    assert job(aws, f"{told}:1", "FAILED")["container"]["exitCode"] == 1
    assert job(aws, told, "FAILED")["arrayProperties"]["size"] == 2


def test_whole_array_is_terminated(aws: Aws) -> None:
    told = submit(aws, ["sleep", "100"], arrayProperties={"size": 2})
    job(aws, f"{told}:0", "RUNNING")
    aws.client("batch").terminate_job(jobId=told, reason="enough")
    for index in range(2):
        assert job(aws, f"{told}:{index}", "FAILED")["statusReason"] == "enough"


def test_fault_comes_as_often_as_it_is_wanted(aws: Aws) -> None:
    before = aws.calls("ListTasks")
    aws.fault("ListTasks", times=1, status=400, code="ThrottlingException")
    # the client asks again
    assert aws.tasks() == []
    assert aws.calls("ListTasks") == before + 2
    aws.fault("describejobs", times=1, delay=0.2)
    begin = time.monotonic()
    aws.client("batch").describe_jobs(jobs=["none"])
    assert time.monotonic() - begin >= 0.2
