"""Clusters and instances that runs in ECS make: how they are waited for, shared, and removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.stub import Stubber

from rios_flows import rioserrors
from rios_flows.workers.launchers import ecs as ecs_module
from rios_flows.workers.launchers.ecs import EcsLauncher
from rios_flows.workers.launchers.ecscluster import OwnCluster
from rios_flows.workers.launchers.ecsparams import ECSComputeWorkerMgr
from rios_flows.workers.launchers.remains import runs_of
from tests.support.aws import ROLE, Aws
from tests.support.aws_runs import done_in_vain, ecs_on
from tests.support.queues import wait_for

#: Starts tasks: their numbers, and a script of the shell's in which ``$2`` is the number.
Starts = Callable[..., EcsLauncher]


def private(aws: Aws, **changes: Any) -> dict[str, Any]:
    values = {
        "jobName": "demo",
        "numInstances": 2,
        "ami": "ami-12c6146b",
        "instanceType": "m5.large",
        "containerImage": "rios-flows:test",
        "taskRoleArn": ROLE,
        "executionRoleArn": ROLE,
        "subnet": aws.subnet,
        "securityGroups": [aws.group],
        "instanceProfileArn": aws.profile,
    }
    return ECSComputeWorkerMgr.makeExtraParams_PrivateCluster(**{**values, **changes})


def definitions(aws: Aws) -> list[str]:
    """Return the task definitions of runs, also those that can be used no more."""
    ecs = aws.client("ecs")
    listed = [ecs.list_task_definitions(status=status) for status in ("ACTIVE", "INACTIVE")]
    return [arn for each in listed for arn in each["taskDefinitionArns"] if "RIOS_demo" in arn]


def test_cluster_with_instances_is_made_and_removed(aws: Aws, start_tasks: Starts) -> None:
    launcher = start_tasks([0, 1], "exec sleep 100", extra=private(aws))
    wait_for(launcher, "running", 2)
    (cluster,) = [name for name in aws.clusters() if name.startswith("RIOS_demo")]
    assert len(aws.tasks(cluster)) == 2
    assert aws.instances() == 2
    assert len(definitions(aws)) == 1
    launcher.close()
    assert cluster not in aws.clusters()
    assert not aws.instances()
    assert not definitions(aws)


def test_cluster_of_two_runs_goes_with_the_last(aws: Aws, start_tasks: Starts) -> None:
    extra = private(aws, numInstances=1, memoryReservation=500)
    launchers = [start_tasks([0], "exec sleep 100", extra=extra) for _ in range(2)]
    for launcher in launchers:
        wait_for(launcher, "running")
    cluster = extra["create_cluster"]["clusterName"]
    first, second = launchers
    first.close()
    assert cluster in aws.clusters()
    assert aws.instances() == 1
    listed = aws.client("ecs").list_container_instances(cluster=cluster)
    assert len(listed["containerInstanceArns"]) == 1
    assert [job.state for job in second.jobs()] == ["running"]
    second.close()
    assert cluster not in aws.clusters()
    assert not aws.instances()


def test_cluster_of_two_runs_that_begin_together(
    aws: Aws, start_tasks: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {**ecs_on(aws).extra, "create_cluster": {"clusterName": "shared"}}
    extra["run_task"] = {**extra["run_task"], "cluster": "shared"}
    first = start_tasks([0], "exec sleep 100", extra=extra)
    # the second one has looked before the first made it, and its tags come too late
    create = first._ecs.create_cluster
    monkeypatch.setattr(OwnCluster, "_tags", lambda _: None)
    monkeypatch.setattr(ecs_module, "client", lambda *_: first._ecs)
    monkeypatch.setattr(first._ecs, "create_cluster", lambda **_: None)
    second = start_tasks([0], "exec sleep 100", extra=extra)
    monkeypatch.setattr(first._ecs, "create_cluster", create)
    for launcher, is_left in ((second, True), (first, False)):
        launcher.close()
        assert ("shared" in aws.clusters()) == is_left


def test_aws_that_does_not_answer_while_instances_join(
    aws: Aws, start_tasks: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as if all attempts at a question were in vain
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    launcher = start_tasks([0, 1], "exec sleep 100", extra=private(aws))
    busy: dict[str, Any] = {"status": 400, "code": "ThrottlingException"}
    aws.fault("ListContainerInstances", **busy)
    assert [job.state for job in launcher.jobs()] == ["pending", "pending"]
    aws.fault("RunTask", **busy)
    assert [job.reason[:14] for job in launcher.jobs()] == ["no instance ye", "no instance ye"]
    wait_for(launcher, "running", 2)
    cluster = launcher._cluster
    assert len(aws.tasks(cluster)) == 2


@pytest.mark.parametrize(
    ("code", "late"), [("AccessDeniedException", False), ("ThrottlingException", True)]
)
def test_aws_that_does_not_let_the_run_see_its_instances(
    aws: Aws, start_tasks: Starts, monkeypatch: pytest.MonkeyPatch, code: str, late: bool
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    launcher = start_tasks([0], "exec sleep 100", extra=private(aws))
    if late:
        monkeypatch.setattr(launcher, "_deadline", 0.0)
    aws.fault("ListContainerInstances", status=400, code=code)
    with pytest.raises(rioserrors.ECSError, match=f"instances of the cluster cannot .*{code}"):
        launcher.jobs()
    (job,) = launcher.jobs()
    assert (job.state, job.reason) == ("ended", "not started")


def test_more_instances_than_are_told_at_once(
    aws: Aws, start_tasks: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = start_tasks([], "")
    names = [f"i-{number}" for number in range(250)]
    monkeypatch.setattr(launcher, "_instances", names[50:])
    with Stubber(launcher._often) as stubber:
        for first in range(0, 250, 100):
            arns = names[first : first + 100]
            asked = {"cluster": launcher._cluster}
            if first:
                asked["nextToken"] = str(first)
            more = {"nextToken": str(first + 100)} if first + 100 < 250 else {}
            listed = {"containerInstanceArns": arns, **more}
            stubber.add_response("list_container_instances", listed, asked)
            told = [{"ec2InstanceId": name, "containerInstanceArn": name} for name in arns]
            stubber.add_response(
                "describe_container_instances",
                {"containerInstances": told},
                {"cluster": launcher._cluster, "containerInstances": arns},
            )
        assert launcher._joined() == 200
    launcher._instances = []


def test_task_whose_answer_was_lost_is_started_once(
    aws: Aws, start_tasks: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = start_tasks([], "exec sleep 100")
    lost = done_in_vain(launcher._ecs.run_task, ConnectionClosedError(endpoint_url="ecs"))

    with monkeypatch.context() as patch:
        patch.setattr(launcher._ecs, "run_task", lost)
        with pytest.raises(rioserrors.ECSError, match="ConnectionClosedError"):
            launcher.start([0])
    launcher.start([0])
    wait_for(launcher, "running")
    assert len(aws.tasks()) == 1


def test_no_room_on_the_instances(aws: Aws, start_tasks: Starts) -> None:
    extra = private(aws, memoryReservation=7000)
    launcher = start_tasks([0, 1, 2], "exec sleep 100", extra=extra)
    with pytest.raises(rioserrors.ECSError, match=r"RESOURCE:MEMORY; no instance of the cluster"):
        launcher.jobs()


def misspell(extra: dict[str, Any]) -> None:
    extra["run_task"]["launchTyp"] = "EC2"


def name_another_container(extra: dict[str, Any]) -> None:
    extra["run_task"]["overrides"] = {"containerOverrides": [{"name": "another"}]}


def say_too_much(extra: dict[str, Any]) -> None:
    variables = [{"name": "TEXT", "value": "x" * 9000}]
    own = {"name": "rios_worker", "environment": variables}
    extra["run_task"]["overrides"] = {"containerOverrides": [own]}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (misspell, 'run_task is not as AWS .* "launchTyp", must be one of'),
        (name_another_container, "overrides a container 'another'"),
        (say_too_much, "AWS takes 8192"),
    ],
)
def test_what_cannot_be_meant_costs_nothing(
    aws: Aws, start_tasks: Starts, spoil: Callable[[dict[str, Any]], None], said: str
) -> None:
    extra = private(aws)
    spoil(extra)
    # the server does not tell apart what is for EC2
    before = aws.calls("none")
    with pytest.raises(rioserrors.ParameterError, match=said):
        start_tasks([0], "", extra=extra)
    assert aws.calls("none") == before


def test_what_is_left_is_named(
    aws: Aws, start_tasks: Starts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    launcher = start_tasks([0], "true", extra=private(aws))
    wait_for(launcher, "ended")
    aws.fault("DeleteCluster", status=400, code="ExpiredTokenException")
    launcher.close()
    (told,) = [each.getMessage() for each in caplog.records if "left in AWS" in each.getMessage()]
    for words in (f"the cluster {launcher._cluster}", f"the tag rios_flows-run={launcher.token}"):
        assert words in told
    launcher.close()
    assert launcher._cluster not in aws.clusters()


def test_instances_that_do_not_join(
    aws: Aws, start_tasks: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {**private(aws), "waitClusterInstanceCountTimeout": 0.3}
    extra["run_instances"]["UserData"] = "#!/bin/bash\n"
    launcher = start_tasks([0], "true", extra=extra)
    (job,) = launcher.jobs()
    assert (job.state, job.reason) == ("pending", "0 of 2 instances are in the cluster")
    with pytest.raises(rioserrors.ECSError) as caught:
        wait_for(launcher, "running", seconds=5)
    for text in ("0 of 2 instances joined", "Timeout=0.3", "i-", "is running"):
        assert text in str(caught.value)


def test_cluster_that_is_there_already_is_kept(aws: Aws, start_tasks: Starts) -> None:
    extra = {**ecs_on(aws).extra, "create_cluster": {"clusterName": aws.cluster}}
    launcher = start_tasks([0], "true", extra=extra)
    wait_for(launcher, "ended")
    launcher.close()
    assert aws.cluster in aws.clusters()


def lose(aws: Aws, launcher: EcsLauncher) -> None:
    """Have a run's machine be gone for so long that its tag counts no more."""
    launcher._undertaker.settled(*launcher._remains.command())  # type: ignore[union-attr]
    told = {"key": f"rios_flows-run:{launcher.token}", "value": "2026-01-01T00:00:00Z"}
    (arn,) = launcher._own._arns  # type: ignore[union-attr]
    aws.client("ecs").tag_resource(resourceArn=arn, tags=[told])


def test_cluster_of_a_run_whose_machine_is_lost(aws: Aws, start_tasks: Starts) -> None:
    extra = private(aws, numInstances=1, memoryReservation=500)
    lost, living, last = (start_tasks([0], "exec sleep 100", extra=extra) for _ in range(3))
    for launcher in (lost, living, last):
        wait_for(launcher, "running")
    lose(aws, lost)
    cluster = extra["create_cluster"]["clusterName"]
    # who ends first removes what was lost, and leaves the rest to the others
    last.close()
    assert cluster in aws.clusters()
    assert aws.instances() == 1
    assert [job.state for job in living.jobs()] == ["running"]
    wait_for(lost, "ended")
    living.close()
    assert cluster not in aws.clusters()
    assert not aws.instances()


def test_run_that_goes_on_is_not_taken_for_lost(
    aws: Aws, start_tasks: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {**ecs_on(aws).extra, "create_cluster": {"clusterName": "long"}}
    extra["run_task"] = {**extra["run_task"], "cluster": "long"}
    long = start_tasks([0], "exec sleep 100", extra=extra)
    lose(aws, long)
    monkeypatch.setattr(long._own, "_renewal", 0.0)
    aws.fault("TagResource", status=400, code="AccessDeniedException")
    for counts in (False, True):
        # what was refused is tried again
        long.jobs()
        (told,) = aws.client("ecs").describe_clusters(clusters=["long"], include=["TAGS"])[
            "clusters"
        ]
        assert runs_of(told) == {long.token: counts}
        monkeypatch.setattr(long._own, "_renewal", 0.0)
    long.jobs()
    start_tasks([0], "true", extra=extra).close()
    assert "long" in aws.clusters()
    long.close()
    assert "long" not in aws.clusters()
