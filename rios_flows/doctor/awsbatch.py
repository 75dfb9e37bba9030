"""What AWS Batch has for the jobs that a run would submit; none is submitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.doctor import aws
from rios_flows.doctor.findings import Findings
from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.awsbatch import most_workers, queue_and_definition
from rios_flows.workers.launchers.awsclient import asking, client
from rios_flows.workers.launchers.awsextra import BatchExtra


def look_at_batch(found: Findings, style: ConcurrencyStyle, extra: Mapping[str, Any]) -> None:
    """Look at credentials, stack, queue, job definition and image."""
    told = BatchExtra.of(extra)
    aws.look_at_credentials(found, told.region)
    batch = client("batch", told.region)
    own = dict.fromkeys(("jobName", "jobQueue", "jobDefinition"), "its own")
    aws.look_at_request(found, batch, "submit_job", {**own, **told.submit_job})
    queue, definition, outputs = queue_and_definition(told)
    if outputs:
        most = most_workers(outputs)
        enough = most is None or most >= style.workers_at_once
        found.add(
            "stack",
            "good" if enough else "bad",
            f"{told.stack}, with room for {'any number of' if most is None else most} workers",
            "" if enough else "ask for fewer workers, or raise BatchMaxVCPUS of the stack",
        )
    with found.of("job queue"):
        _look_at_queue(found, batch, queue)
    with found.of("job definition"):
        _look_at_job_definition(found, batch, definition)
    aws.look_at_address(found, told.parameter)


def _look_at_queue(found: Findings, batch: Any, name: str) -> None:
    with asking("AWS Batch", "The job queue cannot be looked at", "see jobQueue"):
        queues = batch.describe_job_queues(jobQueues=[name])["jobQueues"]
    if not queues:
        raise JobMgrError(f"there is no queue {name!r}; see jobQueue and region")
    (queue,) = queues
    if why := _closed(queue):
        raise JobMgrError(f"the queue {name!r} is {why}; enable it, or give another as jobQueue")
    found.add("job queue", "good", f"{name} is enabled")
    names = [each["computeEnvironment"] for each in queue["computeEnvironmentOrder"]]
    with found.of("compute environment"):
        _look_at_environments(found, batch, names)


def _look_at_environments(found: Findings, batch: Any, names: list[str]) -> None:
    what = "compute environment"
    with asking("AWS Batch", f"The {what} of the queue cannot be looked at"):
        answer = batch.describe_compute_environments(computeEnvironments=names)
    told = answer["computeEnvironments"]
    for each in told:
        name, why = each["computeEnvironmentName"], _closed(each)
        usable = any(not _closed(other) for other in told)
        found.add(
            what,
            "good" if not why else "note" if usable else "bad",
            f"{name} is {why or 'enabled'}",
            "enable it, or mend what AWS says: without one, jobs stay RUNNABLE" if why else "",
        )


def _closed(told: Mapping[str, Any]) -> str:
    """Say why a queue or compute environment takes nothing; empty if it does."""
    state, status = told["state"], told["status"]
    if (state, status) == ("ENABLED", "VALID"):
        return ""
    why = told.get("statusReason", "")
    return f"{state} and {status}{': ' + why if why else ''}"


def _look_at_job_definition(found: Findings, batch: Any, name: str) -> None:
    # a name or an ARN, with a revision or without one
    plain, _, revision = name.rpartition("/")[2].partition(":")
    with asking("AWS Batch", "The job definition cannot be looked at", "see jobDefinition"):
        answer = batch.describe_job_definitions(jobDefinitionName=plain, status="ACTIVE")
    there = [each for each in answer["jobDefinitions"] if revision in ("", str(each["revision"]))]
    if not there:
        raise JobMgrError(f"there is no active job definition {name!r}; see jobDefinition")
    newest = max(there, key=lambda each: int(each["revision"]))
    container = newest.get("containerProperties")
    if not container:
        raise JobMgrError(
            f"the job definition {name!r} is of type {newest['type']}, and has no "
            "containerProperties; give one of type container as jobDefinition"
        )
    found.add("job definition", "good", f"{newest['jobDefinitionName']}:{newest['revision']}")
    aws.look_at_images(found, [container.get("image", "")])
