"""What removes everything that a run has in AWS, without anything of rios_flows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rios_flows.workers.launchers.remains import Remains, remove
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
