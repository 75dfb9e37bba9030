"""What runs have left in ECS whose machines were lost: it costs money until somebody removes it."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

from rios_flows.doctor.findings import Findings
from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.awsclient import asking, client
from rios_flows.workers.launchers.remains import RUN_TAG, Remains, runs_of

_WHAT = "left over"

#: States of instances that cost money.
_COSTLY = ["pending", "running", "stopping", "stopped"]


def look_at_leftovers(found: Findings, region: str) -> None:
    """Tell of clusters and instances of lost runs; who may not list them is told nothing."""
    known: set[str] = set()
    with suppress(JobMgrError), asking("ECS", "Clusters cannot be listed"):
        for cluster in _clusters(client("ecs", region)):
            runs = runs_of(cluster)
            known |= runs.keys()
            if runs and not any(runs.values()):
                _tell_of_cluster(found, region, cluster["clusterName"], next(iter(runs)))
    with suppress(JobMgrError), asking("ECS", "Instances cannot be listed"):
        _tell_of_instances(found, client("ec2", region), known)


def _clusters(ecs: Any) -> Iterator[dict[str, Any]]:
    # as many as a page has can be described at once
    for page in ecs.get_paginator("list_clusters").paginate():
        if arns := page["clusterArns"]:
            yield from ecs.describe_clusters(clusters=arns, include=["TAGS"])["clusters"]


def _tell_of_cluster(found: Findings, region: str, name: str, lost: str) -> None:
    # with it goes what other runs have lost, too
    what = Remains(region, name, lost, made_cluster=True, made_instances=True)
    found.add(
        _WHAT,
        "note",
        f"the cluster {name}, of runs that have not been heard of for long",
        f"it may cost money; unless one goes on: {shlex.join(what.command())}",
    )


def _tell_of_instances(found: Findings, ec2: Any, known: Collection[str]) -> None:
    """Tell of instances of runs that say of no cluster that they use it: they may be lost."""
    by_run = defaultdict(list)
    filters = [
        {"Name": "tag-key", "Values": [RUN_TAG]},
        {"Name": "instance-state-name", "Values": _COSTLY},
    ]
    for page in ec2.get_paginator("describe_instances").paginate(Filters=filters):
        for each in (each for one in page["Reservations"] for each in one["Instances"]):
            run = next(tag["Value"] for tag in each["Tags"] if tag["Key"] == RUN_TAG)
            if run not in known:
                by_run[run].append(each)
    for run, instances in by_run.items():
        ids = shlex.join(each["InstanceId"] for each in instances)
        where = f"--region {ec2.meta.region_name} --instance-ids {ids}"
        found.add(
            _WHAT,
            "note",
            f"instances of {run}: {len(instances)}, since {instances[0]['LaunchTime']:%Y-%m-%d}",
            f"they cost money; unless that run goes on: aws ec2 terminate-instances {where}",
        )
