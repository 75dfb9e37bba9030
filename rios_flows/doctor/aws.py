"""What AWS has for the tasks or jobs that a run would start; none is started."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.doctor.findings import Findings
from rios_flows.rioserrors import ECSError, JobMgrError
from rios_flows.workers.launchers.aws import asking, client
from rios_flows.workers.launchers.awsbatch import most_workers, queue_and_definition
from rios_flows.workers.launchers.awsextra import BatchExtra, EcsExtra


def look_at_ecs(found: Findings, style: ConcurrencyStyle, extra: Mapping[str, Any]) -> None:
    """Look at credentials, cluster, task definition and image."""
    told = EcsExtra.of(extra)
    _look_at_credentials(found, told.region)
    ecs = client("ecs", told.region)
    with found.of("cluster"):
        _look_at_cluster(found, ecs, told)
    with found.of("task definition"):
        definition = told.register_task_definition or _definition(ecs, told)
        _look_at_definition(found, told, definition)
    _look_at_address(found, told.parameter)


def look_at_batch(found: Findings, style: ConcurrencyStyle, extra: Mapping[str, Any]) -> None:
    """Look at credentials, stack, queue, job definition and image."""
    told = BatchExtra.of(extra)
    _look_at_credentials(found, told.region)
    batch = client("batch", told.region)
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
    _look_at_address(found, told.parameter)


def _look_at_credentials(found: Findings, region: str) -> None:
    with asking("AWS", "AWS does not know who asks", "give credentials as boto3 finds them"):
        sts = client("sts", region)
        who = sts.get_caller_identity()
    found.add("credentials", "good", f"{who['Arn']}, in {sts.meta.region_name}")


def _look_at_cluster(found: Findings, ecs: Any, told: EcsExtra) -> None:
    if told.create_cluster:
        found.add("cluster", "good", "the run makes one of its own")
        return
    name = str(told.run_task.get("cluster") or "default")
    with asking("ECS", "The cluster cannot be looked at", "see cluster of run_task"):
        clusters = ecs.describe_clusters(clusters=[name])["clusters"]
    there = next((each for each in clusters if each["status"] == "ACTIVE"), None)
    if there is None:
        raise ECSError(
            f"there is no cluster {name!r}, or it is not active; make it, or give create_cluster"
        )
    machines = there.get("registeredContainerInstancesCount", 0)
    needs = told.run_task.get("launchType", "EC2") == "EC2"
    empty = needs and not machines and not told.run_task.get("capacityProviderStrategy")
    found.add(
        "cluster",
        "bad" if empty else "good",
        f"{name} is active, with {machines} instances",
        "have instances join it, or set launchType to FARGATE" if empty else "",
    )


def _definition(ecs: Any, told: EcsExtra) -> Mapping[str, Any]:
    name = told.run_task["taskDefinition"]
    with asking("ECS", "The task definition cannot be looked at", "see taskDefinition of run_task"):
        answer = ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
    definition: Mapping[str, Any] = answer
    return definition


def _look_at_definition(found: Findings, told: EcsExtra, definition: Mapping[str, Any]) -> None:
    what = "task definition"
    asked = told.run_task.get("launchType", "EC2")
    fits = definition.get("requiresCompatibilities") or [asked]
    if asked not in fits and not told.run_task.get("capacityProviderStrategy"):
        raise JobMgrError(
            f"it is for {', '.join(fits)}, and launchType is {asked}; make them the same"
        )
    if definition.get("networkMode") == "awsvpc" and "networkConfiguration" not in told.run_task:
        raise JobMgrError(
            "its networkMode awsvpc needs subnets and security groups; give networkConfiguration "
            "in run_task"
        )
    containers = definition["containerDefinitions"]
    found.add(what, "good", f"{definition['family']} for {', '.join(fits)}")
    _look_at_images(found, [each.get("image", "") for each in containers])
    logs = all(each.get("logConfiguration") for each in containers)
    _look_at_logs(found, logs)


def _look_at_queue(found: Findings, batch: Any, name: str) -> None:
    with asking("AWS Batch", "The job queue cannot be looked at", "see jobQueue"):
        queues = batch.describe_job_queues(jobQueues=[name])["jobQueues"]
    if not queues:
        raise JobMgrError(f"there is no queue {name!r}; see jobQueue and region")
    state, status = queues[0]["state"], queues[0]["status"]
    if state != "ENABLED" or status != "VALID":
        why = queues[0].get("statusReason", "")
        raise JobMgrError(
            f"the queue {name!r} is {state} and {status}{': ' + why if why else ''}; enable it, or "
            "give another as jobQueue"
        )
    found.add("job queue", "good", f"{name} is enabled")


def _look_at_job_definition(found: Findings, batch: Any, name: str) -> None:
    # a name or an ARN, with a revision or without one
    plain, _, revision = name.rpartition("/")[2].partition(":")
    with asking("AWS Batch", "The job definition cannot be looked at", "see jobDefinition"):
        answer = batch.describe_job_definitions(jobDefinitionName=plain, status="ACTIVE")
    there = [each for each in answer["jobDefinitions"] if revision in ("", str(each["revision"]))]
    if not there:
        raise JobMgrError(f"there is no active job definition {name!r}; see jobDefinition")
    newest = max(there, key=lambda each: int(each["revision"]))
    container = newest.get("containerProperties") or {}
    found.add("job definition", "good", f"{newest['jobDefinitionName']}:{newest['revision']}")
    _look_at_images(found, [container.get("image", "")])


def _look_at_images(found: Findings, images: Iterable[str]) -> None:
    for image in images:
        if not image:
            found.add("image", "bad", "none is named", "name the image of the workers")
            continue
        floating = "@" not in image and (
            image.endswith(":latest") or ":" not in image.rpartition("/")[2]
        )
        found.add(
            "image",
            "note" if floating else "good",
            image,
            "a tag such as latest moves: name the version that this script has" if floating else "",
        )


def _look_at_logs(found: Findings, there: bool) -> None:
    found.add(
        "logs",
        "good" if there else "note",
        "CloudWatch keeps what workers print" if there else "nobody keeps what workers print",
        "" if there else "give the container a logConfiguration, so that errors can tell it",
    )


def _look_at_address(found: Findings, parameter: str) -> None:
    found.add(
        "address of the run",
        "good" if parameter else "note",
        f"kept under {parameter} of Systems Manager"
        if parameter
        else "told to workers as a variable, which DescribeTasks and DescribeJobs show",
        "" if parameter else "give addressParameter, if others may see tasks or jobs",
    )
