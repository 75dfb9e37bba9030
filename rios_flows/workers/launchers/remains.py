"""Removes what a run has in AWS: its tasks or jobs, instances, task definition and cluster.

It needs nothing of rios_flows, so that it can be started alone, and by its file's name:
``python remains.py '{"region": "us-east-1", "cluster": "c", "started_by": "rios_flows-1a2b"}'``
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

#: The tag of instances by which those of a run are found, and of clusters that a run has made.
RUN_TAG = "rios_flows-run"

#: How the tags of a cluster begin that say which runs use it. Each says until when that counts:
#: for so long (s), unless the run renews it, as its machine may be lost.
_USED_BY = f"{RUN_TAG}:"
COUNTS = 6 * 3600.0

#: How times are written there: the later one is the greater text, and any other text, too.
_TIME = "%Y-%m-%dT%H:%M:%SZ"

#: In place of a reason.
_OVER = "rios_flows: the run is over"

#: How long a cluster may be refused to go, since its tasks have not quite stopped, and for how long
#: between attempts (s); whoever starts this as a program starts it again.
_PATIENCE, _PAUSE = 40.0, 1.0
_PATIENCE_OF_PROGRAM = 10.0

#: So many task definitions are deleted at once, at most.
_AT_ONCE = 10

_CLUSTER_IN_USE = (
    "ClusterContainsContainerInstancesException",
    "ClusterContainsTasksException",
    "UpdateInProgressException",
)

#: How AWS is asked: somebody may wait for it, and it is tried again.
_BRIEF: dict[str, Any] = {
    "connect_timeout": 3,
    "read_timeout": 10,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}

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
        Whether the cluster, and instances in it, are the run's own; a cluster may be that of
        several runs, and goes with the last of them.
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

    def __str__(self) -> str:
        """Say for people what is to be removed."""
        told = {
            f"the cluster {self.cluster}": self.made_cluster,
            f"instances with the tag {RUN_TAG}={self.started_by}": self.made_instances,
            f"tasks that {self.started_by} has started in {self.cluster}": self.started_by,
            f"task definitions of the family {self.family}": self.family,
            f"jobs of {self.queue} whose names begin with {self.job_name}": self.job_name,
            f"the parameter {self.parameter} of Systems Manager": self.parameter,
        }
        return ", ".join(words for words, there in told.items() if there)

    def command(self) -> tuple[str, ...]:
        """Return a command line that removes them."""
        told = {name: value for name, value in asdict(self).items() if value}
        return sys.executable, "-P", __file__, json.dumps(told)


def use_tag(started_by: str) -> dict[str, str]:
    """Return the tag of a cluster that says that a run uses it, and until when that counts."""
    until = time.strftime(_TIME, time.gmtime(time.time() + COUNTS))
    return {"key": f"{_USED_BY}{started_by}", "value": until}


def runs_of(cluster: dict[str, Any]) -> dict[str, bool]:
    """Return which runs use an active cluster, and whether that counts or they are lost."""
    now = time.strftime(_TIME, time.gmtime())
    tags = (cluster.get("tags") or ()) if cluster["status"] == "ACTIVE" else ()
    return {
        tag["key"].removeprefix(_USED_BY): tag["value"] > now
        for tag in tags
        if tag["key"].startswith(_USED_BY)
    }


def container_instances(ecs: Any, cluster: str) -> Iterator[dict[str, Any]]:
    """Yield what ECS tells of each instance of a cluster."""
    # as many as a page has can be described at once
    for page in ecs.get_paginator("list_container_instances").paginate(cluster=cluster):
        if arns := page["containerInstanceArns"]:
            told = ecs.describe_container_instances(cluster=cluster, containerInstances=arns)
            yield from told["containerInstances"]


def remove(what: Remains, patience: float = _PATIENCE) -> None:
    """Remove all of it; what is gone already is no error.

    A cluster may be refused to go for so long (s).

    Raises
    ------
    botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
        If something stays; the rest is removed nevertheless.
    """
    import boto3
    import botocore.session
    from botocore import exceptions
    from botocore.config import Config

    core = botocore.session.get_session()
    core.set_default_client_config(Config(**_BRIEF))
    session = boto3.session.Session(region_name=what.region or None, botocore_session=core)
    errors: list[Exception] = []
    for name, step in _STEPS.items():
        if getattr(what, name):
            try:
                step(session, what, patience)
            except (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError):
                # each further question would be as long a wait
                raise
            except (exceptions.ClientError, exceptions.BotoCoreError) as error:
                errors.append(error)
    if errors:
        raise errors[0]


def _stop_tasks(session: Any, what: Remains, _: float) -> None:
    ecs = session.client("ecs")
    with suppress(ecs.exceptions.ClusterNotFoundException):
        # those that are being stopped are not among these
        for arn in _pages(
            ecs, "list_tasks", "taskArns", cluster=what.cluster, startedBy=what.started_by
        ):
            with suppress(ecs.exceptions.InvalidParameterException):
                ecs.stop_task(cluster=what.cluster, task=arn, reason=_OVER)


def _end_instances(session: Any, what: Remains, _: float) -> None:
    ec2, ecs = session.client("ec2"), session.client("ecs")
    filters = [{"Name": f"tag:{RUN_TAG}", "Values": [what.started_by]}]
    reservations = _pages(ec2, "describe_instances", "Reservations", Filters=filters)
    ids = [each["InstanceId"] for one in reservations for each in one["Instances"]]
    if ids:
        ec2.terminate_instances(InstanceIds=ids)
        # those of others stay, and an instance whose agent does not answer would stay, too
        with suppress(ecs.exceptions.ClusterNotFoundException):
            _take_out(ecs, what.cluster, set(ids))


def _take_out(ecs: Any, cluster: str, ids: Collection[str] | None = None) -> None:
    """Take instances out of a cluster: some, or all."""
    for each in list(container_instances(ecs, cluster)):
        if ids is None or each.get("ec2InstanceId") in ids:
            ecs.deregister_container_instance(
                cluster=cluster, containerInstance=each["containerInstanceArn"], force=True
            )


def _delete_definitions(session: Any, what: Remains, _: float) -> None:
    from botocore.exceptions import ClientError

    ecs = session.client("ecs")

    def listed(status: str) -> list[str]:
        told = {"familyPrefix": what.family, "status": status}
        return list(_pages(ecs, "list_task_definitions", "taskDefinitionArns", **told))

    for arn in listed("ACTIVE"):
        ecs.deregister_task_definition(taskDefinition=arn)
    # earlier attempts may have come so far
    arns = listed("INACTIVE")
    for first in range(0, len(arns), _AT_ONCE):
        answer = ecs.delete_task_definitions(taskDefinitions=arns[first : first + _AT_ONCE])
        for failure in answer["failures"]:
            error = {"Code": failure.get("reason", ""), "Message": failure.get("arn", "")}
            raise ClientError({"Error": error}, "DeleteTaskDefinitions")


def _delete_cluster(session: Any, what: Remains, patience: float) -> None:
    from botocore.exceptions import ClientError

    ecs = session.client("ecs")
    if _is_left_to_others(session, what):
        return
    end = time.monotonic() + patience
    while True:
        try:
            with suppress(ecs.exceptions.ClusterNotFoundException):
                _take_out(ecs, what.cluster)
                ecs.delete_cluster(cluster=what.cluster)
            return
        except ClientError as error:
            busy = error.response["Error"]["Code"] in _CLUSTER_IN_USE
            if not busy or time.monotonic() > end:
                raise
        time.sleep(_PAUSE)


def _is_left_to_others(session: Any, what: Remains) -> bool:
    """Return whether other runs use the cluster; the last one removes it, with what is lost."""
    ecs = session.client("ecs")

    def others() -> tuple[str, dict[str, bool]]:
        for each in ecs.describe_clusters(clusters=[what.cluster], include=["TAGS"])["clusters"]:
            runs = runs_of(each)
            return each["clusterArn"], {n: runs[n] for n in runs if n != what.started_by}
        return "", {}

    arn, runs = others()
    lost = [run for run, counts in runs.items() if not counts]
    for run in lost:
        # its machine is gone, and what it had costs money
        _stop_tasks(session, replace(what, started_by=run), 0)
        _end_instances(session, replace(what, started_by=run), 0)
    if not any(runs.values()):
        return False
    keys = [use_tag(run)["key"] for run in (what.started_by, *lost)]
    ecs.untag_resource(resourceArn=arn, tagKeys=keys)
    # they may have ended meanwhile, and left it to this one
    return any(others()[1].values())


def _terminate_jobs(session: Any, what: Remains, _: float) -> None:
    batch = session.client("batch")
    named = [{"name": "JOB_NAME", "values": [f"{what.job_name}*"]}]
    # a queue that is not there has no jobs
    with suppress(batch.exceptions.ClientException):
        for job in _pages(batch, "list_jobs", "jobSummaryList", jobQueue=what.queue, filters=named):
            if job["jobName"].startswith(what.job_name) and job["status"] not in _ENDED:
                batch.terminate_job(jobId=job["jobId"], reason=_OVER)


def _delete_parameter(session: Any, what: Remains, _: float) -> None:
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
    "family": _delete_definitions,
    "made_cluster": _delete_cluster,
}


if __name__ == "__main__":
    remove(Remains(**json.loads(sys.argv[1])), _PATIENCE_OF_PROGRAM)
