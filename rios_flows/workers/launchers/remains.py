"""Removes what a run has in AWS: its tasks or jobs, instances, task definition and cluster.

It needs nothing of rios_flows, so that it can be started alone, and by its file's name:
``python remains.py '{"region": "us-east-1", "cluster": "c", "started_by": "rios_flows-1a2b"}'``
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

#: The tag of instances by which those of a run are found.
RUN_TAG = "rios_flows-run"

#: In place of a reason.
_OVER = "rios_flows: the run is over"

#: How long a cluster may be refused to go, since its tasks have not quite stopped, and for how long
#: between attempts (s).
_PATIENCE, _PAUSE = 40.0, 1.0

_CLUSTER_IN_USE = (
    "ClusterContainsContainerInstancesException",
    "ClusterContainsTasksException",
    "UpdateInProgressException",
)

_ENDED = ("SUCCEEDED", "FAILED")


@dataclass
class Remains:
    """What is to be removed, by names that were known before anything was made.

    Attributes
    ----------
    region : str
        Of all of it; empty for the one that is configured.
    cluster, started_by : str
        The cluster of the tasks, and what RunTask was told about who starts them.
    made_cluster, made_instances : bool
        Whether the cluster, and instances in it, are the run's own.
    family : str
        Of the run's own task definitions; empty if it has none.
    queue, job_name : str
        Of Batch: its queue, and how the names of all jobs of the run begin.
    parameter : str
        The name of the run's own parameter of Systems Manager, if it has one.
    """

    region: str = ""
    cluster: str = ""
    started_by: str = ""
    made_cluster: bool = False
    made_instances: bool = False
    family: str = ""
    queue: str = ""
    job_name: str = ""
    parameter: str = ""

    @property
    def made(self) -> bool:
        """Whether there is more to remove than tasks or jobs."""
        return bool(self.made_cluster or self.made_instances or self.family or self.parameter)

    def command(self) -> tuple[str, ...]:
        """Return a command line that removes them."""
        told = {name: value for name, value in asdict(self).items() if value}
        return sys.executable, "-P", __file__, json.dumps(told)


def remove(what: Remains) -> None:
    """Remove all of it; what is gone already is no error.

    Raises
    ------
    botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
        If something stays; the rest is removed nevertheless.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.session.Session(region_name=what.region or None)
    errors: list[Exception] = []
    for name, step in _STEPS.items():
        if getattr(what, name):
            try:
                step(session, what)
            except (ClientError, BotoCoreError) as error:
                errors.append(error)
    if errors:
        raise errors[0]


def _stop_tasks(session: Any, what: Remains) -> None:
    ecs = session.client("ecs")
    with suppress(ecs.exceptions.ClusterNotFoundException):
        # those that are being stopped are not among these
        for arn in _pages(
            ecs, "list_tasks", "taskArns", cluster=what.cluster, startedBy=what.started_by
        ):
            with suppress(ecs.exceptions.InvalidParameterException):
                ecs.stop_task(cluster=what.cluster, task=arn, reason=_OVER)


def _end_instances(session: Any, what: Remains) -> None:
    ec2 = session.client("ec2")
    filters = [{"Name": f"tag:{RUN_TAG}", "Values": [what.started_by]}]
    reservations = _pages(ec2, "describe_instances", "Reservations", Filters=filters)
    ids = [each["InstanceId"] for one in reservations for each in one["Instances"]]
    if ids:
        ec2.terminate_instances(InstanceIds=ids)


def _forget_definitions(session: Any, what: Remains) -> None:
    ecs = session.client("ecs")
    for arn in _pages(ecs, "list_task_definitions", "taskDefinitionArns", familyPrefix=what.family):
        ecs.deregister_task_definition(taskDefinition=arn)


def _delete_cluster(session: Any, what: Remains) -> None:
    from botocore.exceptions import ClientError

    ecs = session.client("ecs")
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            with suppress(ecs.exceptions.ClusterNotFoundException):
                for arn in _pages(
                    *(ecs, "list_container_instances", "containerInstanceArns"),
                    cluster=what.cluster,
                ):
                    ecs.deregister_container_instance(
                        cluster=what.cluster, containerInstance=arn, force=True
                    )
                ecs.delete_cluster(cluster=what.cluster)
            return
        except ClientError as error:
            busy = error.response["Error"]["Code"] in _CLUSTER_IN_USE
            if not busy or time.monotonic() > end:
                raise
        time.sleep(_PAUSE)


def _terminate_jobs(session: Any, what: Remains) -> None:
    batch = session.client("batch")
    named = [{"name": "JOB_NAME", "values": [f"{what.job_name}*"]}]
    # a queue that is not there has no jobs
    with suppress(batch.exceptions.ClientException):
        for job in _pages(batch, "list_jobs", "jobSummaryList", jobQueue=what.queue, filters=named):
            if job["jobName"].startswith(what.job_name) and job["status"] not in _ENDED:
                batch.terminate_job(jobId=job["jobId"], reason=_OVER)


def _delete_parameter(session: Any, what: Remains) -> None:
    ssm = session.client("ssm")
    with suppress(ssm.exceptions.ParameterNotFound):
        ssm.delete_parameter(Name=what.parameter)


def _pages(client: Any, call: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(call).paginate(**arguments):
        yield from page[key]


#: What is removed if a field is set, in this order.
_STEPS = {
    "parameter": _delete_parameter,
    "job_name": _terminate_jobs,
    "started_by": _stop_tasks,
    "made_instances": _end_instances,
    "family": _forget_definitions,
    "made_cluster": _delete_cluster,
}


if __name__ == "__main__":
    remove(Remains(**json.loads(sys.argv[1])))
