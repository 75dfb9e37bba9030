"""Runs whose workers are in the pretended AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rios_flows.structures import ConcurrencyStyle
from rios_flows.workers.launchers.aws import AwsLauncher
from rios_flows.workers.launchers.awsbatch import AwsBatchLauncher
from rios_flows.workers.launchers.ecs import EcsLauncher
from tests.support.aws import Aws
from tests.support.jobs import SmallJob


@dataclass(frozen=True)
class Place:
    """Where workers run: ECS, or AWS Batch.

    Attributes
    ----------
    extra : dict
        The extra parameters of a run there.
    """

    name: str
    aws: Aws
    launcher_class: type[AwsLauncher]
    extra: dict[str, Any] = field(repr=False)

    @property
    def kind(self) -> str:
        return self.launcher_class.kind

    def ids(self) -> list[str]:
        """Return what is running there."""
        if self.name == "ecs":
            return [task["taskArn"].rpartition("/")[2] for task in self.aws.tasks()]
        return [job["jobId"] for job in self.aws.jobs()]

    def kill(self, job: str, reason: str = "by hand") -> None:
        """Stop a task or job."""
        if self.name == "ecs":
            cluster = self.aws.cluster
            self.aws.client("ecs").stop_task(cluster=cluster, task=job, reason=reason)
        else:
            self.aws.client("batch").terminate_job(jobId=job, reason=reason)


def ecs_on(aws: Aws, **container: Any) -> Place:
    """Return ECS, with tasks on Fargate in the cluster that is there."""
    network = {"subnets": [aws.subnet], "securityGroups": [aws.group]}
    run_task = {
        "cluster": aws.cluster,
        "taskDefinition": aws.task_definition(**container),
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": network},
    }
    extra = {"interface": "127.0.0.1", "run_task": run_task}
    return Place("ecs", aws, EcsLauncher, extra)


def batch_on(aws: Aws, **container: Any) -> Place:
    """Return AWS Batch, with a queue that is there."""
    extra = {
        "interface": "127.0.0.1",
        "jobQueue": aws.queue,
        "jobDefinition": aws.job_definition(**container),
    }
    return Place("batch", aws, AwsBatchLauncher, extra)


#: What returns each place.
PLACES = {"ecs": ecs_on, "batch": batch_on}


def style_in(place: Place, **changes: Any) -> ConcurrencyStyle:
    """Return a style with two workers there."""
    extra = {**place.extra, **changes.pop("extra", {})}
    values = {"numComputeWorkers": 2, "computeBarrierTimeout": 60, "computeBufferPopTimeout": 60}
    return ConcurrencyStyle(
        computeWorkerKind=place.kind, computeWorkerExtraParams=extra, **{**values, **changes}
    )


def job_in(place: Place, folder: Path, **changes: Any) -> SmallJob:
    """Return a job with two workers there; what it needs beside lies in a folder ``temp``."""
    (folder / "temp").mkdir(exist_ok=True)
    style = style_in(place, **changes)
    # for the main process of tests/support/queue_main.py
    (folder / "extra.json").write_text(json.dumps(style.computeWorkerExtraParams))
    job = SmallJob(folder, style)
    job.controls.setTempdir(str(folder / "temp"))
    job.controls.setBlockRetries(userFunction=0, io=0)
    return job


def done_in_vain(call: Callable[..., Any], error: BaseException) -> Callable[..., None]:
    """Return what does as a call does, and raises an error in place of its answer."""

    def does(**request: Any) -> None:
        call(**request)
        raise error

    return does
