"""What ECS has for the tasks that a run would start; none is started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.doctor import aws
from rios_flows.doctor.findings import Findings
from rios_flows.doctor.leftovers import look_at_leftovers
from rios_flows.rioserrors import ECSError, JobMgrError
from rios_flows.workers.launchers.awsclient import asking, client
from rios_flows.workers.launchers.awsextra import EcsExtra


def look_at_ecs(found: Findings, style: ConcurrencyStyle, extra: Mapping[str, Any]) -> None:
    """Look at credentials, cluster, instances, task definition and image."""
    told = EcsExtra.of(extra)
    aws.look_at_credentials(found, told.region)
    ecs, definition = client("ecs", told.region), told.register_task_definition
    requests = {
        "run_task": {"taskDefinition": "its own", **told.run_task},
        "create_cluster": told.create_cluster,
        "register_task_definition": {"family": "its own", **definition} if definition else {},
    }
    taken = [aws.look_at_request(found, ecs, *each) for each in requests.items() if each[1]]
    if told.run_instances:
        ec2 = client("ec2", told.region)
        taken.append(aws.look_at_request(found, ec2, "run_instances", told.run_instances))
    if not all(taken):
        return
    cluster: Mapping[str, Any] = {}
    with found.of("cluster"):
        cluster = _cluster(ecs, told)
        _look_at_cluster(found, told, cluster)
    with found.of("instances"):
        _look_at_instances(found, told)
    with found.of("task definition"):
        definition = definition or _definition(ecs, told)
        _look_at_definition(found, told, cluster, definition)
    aws.look_at_address(found, told.parameter)
    look_at_leftovers(found, told.region)


def _cluster(ecs: Any, told: EcsExtra) -> Mapping[str, Any]:
    """Return the cluster as AWS has it, or as the run would make it."""
    made = told.create_cluster
    name = str(made.get("clusterName") or told.run_task.get("cluster") or "default")
    if not made or "clusterName" in made:
        with asking("ECS", "The cluster cannot be looked at", "see cluster of run_task"):
            clusters = ecs.describe_clusters(clusters=[name])["clusters"]
        for each in clusters:
            if each["status"] == "ACTIVE":
                cluster: Mapping[str, Any] = each
                return cluster
    if made:
        return made
    raise ECSError(
        f"there is no cluster {name!r}, or it is not active; make it, or give create_cluster"
    )


def _look_at_cluster(found: Findings, told: EcsExtra, cluster: Mapping[str, Any]) -> None:
    providers, has = _providers(told, cluster), cluster.get("capacityProviders") or []
    if missing := [name for name in providers if name not in has]:
        raise ECSError(
            f"the cluster has no capacity provider {', '.join(missing)}: it has "
            f"{', '.join(has) or 'none'}; associate it with the cluster, or leave it out of "
            "capacityProviderStrategy"
        )
    there = cluster.get("registeredContainerInstancesCount", 0)
    machines = there + told.run_instances.get("MinCount", 0)
    by = f"{machines} instances"
    if providers or _launch_type(told) == "FARGATE":
        by = ", ".join(providers) or "Fargate"
    empty = by == "0 instances"
    which = f"{cluster['clusterName']} is active" if "status" in cluster else "the run makes one"
    found.add(
        "cluster",
        "bad" if empty else "good",
        f"{which}, for tasks on {by}",
        "have instances join it, or set launchType to FARGATE" if empty else "",
    )


def _providers(told: EcsExtra, cluster: Mapping[str, Any]) -> list[str]:
    """Return who gives tasks their place; of the cluster's own only where nothing else is said."""
    strategy = told.run_task.get("capacityProviderStrategy")
    if not strategy and "launchType" not in told.run_task:
        strategy = cluster.get("defaultCapacityProviderStrategy")
    return [str(each["capacityProvider"]) for each in strategy or ()]


def _launch_type(told: EcsExtra) -> str:
    return str(told.run_task.get("launchType", "EC2"))


def _look_at_instances(found: Findings, told: EcsExtra) -> None:
    """Have EC2 say whether it would start the run's own instances."""
    from botocore.exceptions import ClientError

    if not told.run_instances:
        return
    ec2 = client("ec2", told.region)
    advice = "see run_instances of computeWorkerExtraParams"
    with asking("ECS", "EC2 would start no instances", advice):
        try:
            ec2.run_instances(**{**told.run_instances, "DryRun": True})
        except ClientError as error:
            if error.response["Error"]["Code"] != "DryRunOperation":
                raise
    request = told.run_instances
    found.add(
        "instances",
        "good",
        f"EC2 would start {request.get('MaxCount')} of type {request.get('InstanceType')}",
    )


def _definition(ecs: Any, told: EcsExtra) -> Mapping[str, Any]:
    name = told.run_task["taskDefinition"]
    with asking("ECS", "The task definition cannot be looked at", "see taskDefinition of run_task"):
        answer = ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
    definition: Mapping[str, Any] = answer
    return definition


def _look_at_definition(
    found: Findings, told: EcsExtra, cluster: Mapping[str, Any], definition: Mapping[str, Any]
) -> None:
    providers = _providers(told, cluster)
    # a provider that is not Fargate's has instances
    wanted = {"FARGATE" if each.startswith("FARGATE") else "EC2" for each in providers}
    asked = ", ".join(wanted or {_launch_type(told)})
    fits = definition.get("requiresCompatibilities") or [asked]
    if cluster and asked not in fits:
        raise JobMgrError(
            f"it is for {', '.join(fits)}, and "
            f"{'the capacity provider' if providers else 'launchType'} is {asked}; make them the "
            "same"
        )
    if definition.get("networkMode") == "awsvpc" and "networkConfiguration" not in told.run_task:
        raise JobMgrError(
            "its networkMode awsvpc needs subnets and security groups; give networkConfiguration "
            "in run_task"
        )
    containers = definition["containerDefinitions"]
    found.add(
        "task definition", "good", f"{definition.get('family', 'its own')} for {', '.join(fits)}"
    )
    aws.look_at_images(found, [each.get("image", "") for each in containers])
    aws.look_at_logs(found, all(each.get("logConfiguration") for each in containers))
