"""A pretended AWS on loopback, in which tasks and jobs really run, and what tests do with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"

_SERVER = """
import pathlib, sys
from tests.support.aws_server import main
main(pathlib.Path(sys.argv[1]))
"""

#: What tasks and jobs are, unless a test wants another.
IMAGE = "rios-flows:test"


class Aws:
    """A server of its own process, with a cluster, a queue, and what both need; end it by `stop`.

    Attributes
    ----------
    environment : dict
        By which clients find it and nothing else.
    cluster, queue : str
        Of ECS, without instances; of Batch.
    subnet, group, profile : str
        A subnet, a security group, and the ARN of an instance profile.
    """

    cluster = "lab"
    queue = "lab-queue"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            # no module is the main one, which its forks would have to import
            [sys.executable, "-c", _SERVER, str(folder)],
            stdin=subprocess.PIPE,
            cwd=ROOT,
            # moto looks for credentials of its own
            env={**os.environ, "AWS_DEFAULT_REGION": REGION, "PYTHONWARNINGS": "ignore"},
        )
        try:
            self.endpoint = self._wait_for_endpoint()
            self.environment = {
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            }
            self.client = cache(self._client)
            self._furnish()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all tasks and jobs, and the server."""
        try:
            self._process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def fault(self, action: str, times: int = 1, **told: Any) -> None:
        """Have the next answers be faults: ``status`` and ``code``, or a ``delay`` (s)."""
        path = self.folder / "faults" / f"{action}.new"
        path.write_text(json.dumps({"times": times, **told}))
        path.rename(path.with_suffix(""))

    def calls(self, action: str) -> int:
        """Return how often something was asked for so far."""
        return (self.folder / "faults" / "calls").read_text().splitlines().count(action)

    def task_definition(self, family: str = "lab-task", **changes: Any) -> str:
        """Register a task definition of Fargate, and return its name with its revision."""
        container = {"name": "worker", "image": IMAGE, "essential": True, **changes}
        told = self.client("ecs").register_task_definition(
            family=family,
            containerDefinitions=[container],
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            taskRoleArn=ROLE,
            executionRoleArn=ROLE,
        )["taskDefinition"]
        return f"{told['family']}:{told['revision']}"

    def job_definition(self, name: str = "lab-job", attempts: int = 1, **changes: Any) -> str:
        """Register a job definition of Batch, and return its name with its revision."""
        container = {
            "image": IMAGE,
            "command": ["true"],
            "resourceRequirements": [
                {"type": "VCPU", "value": "1"},
                {"type": "MEMORY", "value": "512"},
            ],
            **changes,
        }
        told = self.client("batch").register_job_definition(
            jobDefinitionName=name,
            type="container",
            containerProperties=container,
            retryStrategy={"attempts": attempts},
        )
        return f"{told['jobDefinitionName']}:{told['revision']}"

    def log(self, name: str) -> str:
        """Return what a task (by its id) or job has printed so far."""
        path = self.folder / "containers" / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def tasks(self, cluster: str = "") -> list[dict[str, Any]]:
        """Return all tasks that have not stopped."""
        ecs = self.client("ecs")
        arns = ecs.list_tasks(cluster=cluster or self.cluster)["taskArns"]
        if not arns:
            return []
        told = ecs.describe_tasks(cluster=cluster or self.cluster, tasks=arns)["tasks"]
        return [task for task in told if task["lastStatus"] != "STOPPED"]

    def jobs(self) -> list[dict[str, Any]]:
        """Return all jobs of Batch that have not ended, members of arrays too, arrays not."""
        batch = self.client("batch")
        found = batch.list_jobs(jobQueue=self.queue)["jobSummaryList"]
        arrays = {job["jobId"].partition(":")[0] for job in found if ":" in job["jobId"]}
        return [
            job
            for job in found
            if job["status"] not in ("SUCCEEDED", "FAILED") and job["jobId"] not in arrays
        ]

    def clusters(self) -> list[str]:
        """Return the names of all clusters of ECS."""
        ecs = self.client("ecs")
        told = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
        return [each["clusterName"] for each in told if each["status"] == "ACTIVE"]

    def instances(self) -> int:
        """Return how many instances are running."""
        running = [{"Name": "instance-state-name", "Values": ["running"]}]
        told = self.client("ec2").describe_instances(Filters=running)["Reservations"]
        return sum(len(each["Instances"]) for each in told)

    def clean(self, seconds: float = 20) -> None:
        """See that nothing is left running, and that no fault is; what is being stopped may be."""
        for path in (self.folder / "faults").glob("[A-Za-z]*"):
            if path.name != "calls":
                path.unlink()
        left = self._left()
        wanted = {
            kind: [each for each in found if each["wanted"] != "STOPPED"]
            for kind, found in left.items()
        }
        for each in wanted["tasks"]:
            self.client("ecs").stop_task(cluster=each["cluster"], task=each["id"])
        for each in wanted["jobs"]:
            self.client("batch").terminate_job(jobId=each["id"], reason="left over")
        end = time.monotonic() + seconds
        while any(left.values()):
            assert time.monotonic() < end, "tasks or jobs do not end"
            time.sleep(0.02)
            left = self._left()
        assert not any(wanted.values()), wanted

    def _left(self) -> dict[str, list[dict[str, str]]]:
        # boto3 would need ten times as long for it
        with urllib.request.urlopen(f"{self.endpoint}/left", timeout=20) as answer:
            told: dict[str, list[dict[str, str]]] = json.load(answer)
        return told

    def _client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def _furnish(self) -> None:
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")
        self.subnet = made["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="lab", Description="lab", VpcId=vpc)
        self.group = group["GroupId"]
        self.client("ecs").create_cluster(clusterName=self.cluster)
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        iam = self.client("iam")
        iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust)
        made = iam.create_instance_profile(InstanceProfileName="machines")
        self.profile = made["InstanceProfile"]["Arn"]
        batch = self.client("batch")
        batch.create_compute_environment(
            computeEnvironmentName="lab-machines",
            type="UNMANAGED",
            state="ENABLED",
            serviceRole=ROLE,
        )
        batch.create_job_queue(
            jobQueueName=self.queue,
            state="ENABLED",
            priority=1,
            computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "lab-machines"}],
        )

    def _wait_for_endpoint(self) -> str:
        path = self.folder / "endpoint"
        end = time.monotonic() + 60
        while not path.exists():
            if self._process.poll() is not None or time.monotonic() > end:
                raise TimeoutError(f"AWS: no server: {self._process.poll()}")
            time.sleep(0.05)
        return path.read_text()


def shared_clients(make: Callable[..., Any]) -> Callable[..., Any]:
    """Have clients made once for each service, region and environment: that takes long."""
    made: dict[tuple[Any, ...], Any] = {}

    def client(session: Any, service: str, config: Any = None, **more: Any) -> Any:
        environment = [pair for pair in sorted(os.environ.items()) if pair[0].startswith("AWS_")]
        options = repr(vars(config)) if config else ""
        told = (service, session.region_name, options, *environment, *sorted(more.items()))
        if told not in made:
            made[told] = make(session, service, config=config, **more)
        return made[told]

    return client
