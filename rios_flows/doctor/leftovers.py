"""What runs have left in ECS whose machines were lost: it costs money until somebody removes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from rios_flows.doctor.findings import Findings
from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.awsclient import asking, client
from rios_flows.workers.launchers.remains import Remains, runs_of


def look_at_leftovers(found: Findings, region: str) -> None:
    """Tell of clusters that only lost runs use; who may not list clusters is told nothing."""
    with suppress(JobMgrError), asking("ECS", "Clusters cannot be listed"):
        for cluster in _clusters(client("ecs", region)):
            runs = runs_of(cluster)
            if not runs or any(runs.values()):
                continue
            name = cluster["clusterName"]
            # it removes what others have lost, too
            lost, *_ = runs
            what = Remains(region, name, lost, made_cluster=True, made_instances=True)
            found.add(
                "left over",
                "note",
                f"the cluster {name}, of {len(runs)} runs that have not been heard of for long",
                f"it may cost money; unless one goes on: {shlex.join(what.command())}",
            )


def _clusters(ecs: Any) -> Iterator[dict[str, Any]]:
    # as many as a page has can be described at once
    for page in ecs.get_paginator("list_clusters").paginate():
        if arns := page["clusterArns"]:
            yield from ecs.describe_clusters(clusters=arns, include=["TAGS"])["clusters"]
