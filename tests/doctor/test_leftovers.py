"""What the doctor finds of runs whose machines were lost."""

from __future__ import annotations

import shlex
import subprocess

from rios_flows.doctor.findings import Finding, Findings
from rios_flows.doctor.leftovers import look_at_leftovers
from rios_flows.workers.launchers.remains import use_tag
from tests.support.aws import Aws
from tests.support.aws_leave import Leave


def left() -> list[Finding]:
    found = Findings()
    look_at_leftovers(found, "")
    assert all((each.what, each.state) == ("left over", "note") for each in found)
    return list(found)


def test_clusters_of_runs_whose_machines_are_lost(aws: Aws) -> None:
    ecs = aws.client("ecs")
    now = use_tag("rios_flows-new")
    old = {"key": "rios_flows-run:rios_flows-old", "value": "2026-01-01T00:00:00Z"}
    for name, tags in (("lost", [old]), ("shared", [old, now]), ("plain", [])):
        ecs.create_cluster(clusterName=name, tags=tags)
    found = left()
    assert [each.found.split()[2] for each in found] == ["lost,"]
    _, command = found[0].remedy.split(": ", 1)
    subprocess.run(shlex.split(command), check=True, timeout=60)
    assert not left()
    assert {"shared", "plain"} < set(aws.clusters())
    with Leave([{"Action": "ecs:Desc*", "Resource": "*"}]).enforced():
        assert not left()
    for name in ("shared", "plain"):
        ecs.delete_cluster(cluster=name)


def test_instances_of_runs_that_use_no_cluster(aws: Aws) -> None:
    ecs, ec2 = aws.client("ecs"), aws.client("ec2")
    ecs.create_cluster(clusterName="theirs", tags=[use_tag("rios_flows-new")])
    tags = [{"Key": "rios_flows-run", "Value": "rios_flows-new"}, {"Key": "a", "Value": "b"}]
    made = []
    for who in ("rios_flows-new", "rios_flows-old"):
        tags[0]["Value"] = who
        told = [{"ResourceType": "instance", "Tags": tags}]
        machine = ec2.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=told
        )
        made += [each["InstanceId"] for each in machine["Instances"]]
    (finding,) = left()
    assert finding.found.startswith("instances of rios_flows-old: 1, since 20")
    assert finding.remedy.endswith(f"--region us-east-1 --instance-ids {made[1]}")
    ec2.terminate_instances(InstanceIds=made)
    assert not left()
    ecs.delete_cluster(cluster="theirs")
