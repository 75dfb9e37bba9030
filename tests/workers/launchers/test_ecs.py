"""Tasks of ECS: how they are started, seen and stopped, and what is left of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.stub import Stubber

from rios_flows import rioserrors
from rios_flows.workers.launchers import aws as aws_module
from rios_flows.workers.launchers import ecs as ecs_module
from rios_flows.workers.launchers.aws import SeenJob
from rios_flows.workers.launchers.ecs import EcsLauncher
from rios_flows.workers.launchers.ecsparams import ECSComputeWorkerMgr
from rios_flows.workers.launchers.launcher import Order, tail
from rios_flows.workers.launchers.undertaker import Undertaker
from tests.support.aws import ROLE, Aws
from tests.support.aws_containers import NO_IMAGE
from tests.support.aws_runs import ecs_on
from tests.support.queues import wait_for, wait_until

LOGS = {
    "logDriver": "awslogs",
    "options": {
        "awslogs-group": "workers",
        "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "run",
    },
}

#: Starts tasks: their numbers, and a script of the shell's in which ``$2`` is the number.
Starts = Callable[..., EcsLauncher]


@pytest.fixture
def start(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starts]:
    monkeypatch.setattr(aws_module, "_PAUSE", 0.1)
    launchers: list[EcsLauncher] = []
    undertaker = Undertaker()

    def starting(numbers: list[int], script: str, **changes: Any) -> EcsLauncher:
        extra = changes.pop("extra", None) or ecs_on(aws, **changes).extra
        extra = {key: value for key, value in extra.items() if key != "interface"}
        if script:
            container = extra.get("register_task_definition", {}).get(
                "containerDefinitions", [{"name": "worker"}]
            )[0]["name"]
            own = {"name": container, "command": ["sh", "-c", script, "worker"]}
            extra["run_task"] = {**extra["run_task"], "overrides": {"containerOverrides": [own]}}
        (tmp_path / "run").mkdir(exist_ok=True)
        order = Order(
            name="demo",
            command=("/here/python", "-m", "rios_flows.workers"),
            environment={"SECRET": "sesame"},
            folder=tmp_path / "run",
            extra=extra,
        )
        launcher = EcsLauncher(order, undertaker)
        launchers.append(launcher)
        launcher.start(numbers)
        return launcher

    yield starting
    for launcher in launchers:
        launcher.close()
    undertaker.close()


def test_tasks_run_and_end(aws: Aws, start: Starts) -> None:
    launcher = start([0, 3], "echo $1 $2 $SECRET; [ $2 = 0 ]")
    wait_for(launcher, "ended", 2)
    good, bad = launcher.jobs()
    assert (good.number, good.name, good.reason) == (0, "demo-0", "exit code 0")
    assert bad.number == 3
    assert bad.reason == (
        "exit code 1: Essential container in task exited; EssentialContainerExited"
    )
    assert bad.host.count(".") == 3
    assert aws.log(bad.id).split() == ["--number", "3", "sesame"]
    # no log is configured
    assert bad.log is None


def test_command_line_of_a_worker(aws: Aws, start: Starts) -> None:
    launcher = start([5], "")
    (job,) = launcher.jobs()
    (told,) = aws.client("ecs").describe_tasks(cluster=aws.cluster, tasks=[job.id])["tasks"]
    (own,) = told["overrides"]["containerOverrides"]
    assert own["command"] == ["python", "-m", "rios_flows.workers", "--number", "5"]


def test_secrets_are_in_no_task_definition(aws: Aws, start: Starts) -> None:
    launcher = start([0], "exec sleep 100")
    (told,) = aws.client("ecs").describe_tasks(cluster=aws.cluster, tasks=[launcher.jobs()[0].id])[
        "tasks"
    ]
    definition = aws.client("ecs").describe_task_definition(
        taskDefinition=told["taskDefinitionArn"]
    )
    assert "sesame" not in json.dumps(definition, default=str)


def test_secrets_in_a_parameter(aws: Aws, start: Starts) -> None:
    extra = {**ecs_on(aws).extra, "addressParameter": "/runs/"}
    launcher = start([0], "echo $RIOS_FLOWS_PARAMETER; exec sleep 100", extra=extra)
    job = wait_for(launcher, "running")
    wait_until(lambda: aws.log(job.id))
    region, _, name = aws.log(job.id).strip().partition(":")
    assert region == "us-east-1"
    assert name.startswith("/runs/rios_flows-")
    ssm = aws.client("ssm")
    kept = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert kept["Type"] == "SecureString"
    assert json.loads(kept["Value"]) == {"SECRET": "sesame"}
    told = aws.client("ecs").describe_tasks(cluster=aws.cluster, tasks=[job.id])
    assert "sesame" not in json.dumps(told, default=str)
    launcher.close()
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=name)


def test_end_of_the_log_is_told(start: Starts) -> None:
    launcher = start([0], "echo first; echo no such colour >&2; exit 7", logConfiguration=LOGS)
    job = wait_for(launcher, "ended")
    assert tail(job.log) == "first\nno such colour"
    assert job.log_end() == "\nIts log ends:\nfirst\nno such colour"


@pytest.mark.parametrize("reason", ["by hand", "Your Spot Task was interrupted."])
def test_task_is_stopped_by_another(aws: Aws, start: Starts, reason: str) -> None:
    launcher = start([0], "exec sleep 100")
    job = wait_for(launcher, "running")
    ecs_on(aws).kill(job.id, reason)
    ended = wait_for(launcher, "ended")
    code = "SpotInterruption" if "Spot" in reason else "UserInitiated"
    assert ended.reason == f"{reason}; {code}; exit code 143"


def test_task_is_stopped_by_the_run(start: Starts) -> None:
    launcher = start([0, 1], "exec sleep 100")
    wait_for(launcher, "running", 2)
    launcher.stop([1, 7])
    job = wait_for(launcher, "ended")
    assert job.number == 1
    assert job.reason.startswith("cancelled by this run (rios_flows: ")


def test_stop_that_is_refused_is_tried_again(aws: Aws, start: Starts) -> None:
    launcher = start([0], "exec sleep 100")
    wait_for(launcher, "running")
    aws.fault("StopTask", status=400, code="AccessDeniedException")
    launcher.stop([0])
    assert wait_for(launcher, "ended").number == 0


def test_killed_for_memory(start: Starts) -> None:
    job = wait_for(start([0], "kill -9 $$"), "ended")
    assert job.reason.startswith("exit code 137, signal 9 (SIGKILL): Essential container")


def test_image_that_is_not_there(start: Starts) -> None:
    job = wait_for(start([0], "true", image=NO_IMAGE), "ended")
    assert job.reason.startswith("cannot start: CannotPullContainerError: ")
    assert NO_IMAGE in job.reason
    assert "TaskFailedToStart" in job.reason


def changed(extra: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**extra, "run_task": {**extra["run_task"], **more}}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"cluster": "nowhere"}, "ClusterNotFoundException"),
        ({"taskDefinition": "nothing:1"}, "(DescribeTaskDefinition)"),
        ({"launchType": "EC2"}, "No Container Instances were found in your cluster."),
        ({"lunchType": "EC2"}, "Unknown parameter in input"),
    ],
)
def test_tasks_that_are_refused(aws: Aws, start: Starts, more: dict[str, Any], said: str) -> None:
    with pytest.raises(rioserrors.ECSError) as caught:
        start([0], "true", extra=changed(ecs_on(aws).extra, **more))
    assert said in str(caught.value)
    assert "computeWorkerExtraParams" in str(caught.value)
    assert isinstance(caught.value, rioserrors.JobMgrError)


def test_overrides_that_are_too_long(aws: Aws, start: Starts) -> None:
    with pytest.raises(rioserrors.ParameterError, match=r"have \d+ characters, and AWS takes 8192"):
        start([0], f"echo {'x' * 9000}")
    assert not aws.tasks()


def test_who_may_only_start_see_and_stop_is_not_warned(
    aws: Aws, start: Starts, caplog: pytest.LogCaptureFixture
) -> None:
    launcher = start([0], "true")
    wait_for(launcher, "ended")
    before = aws.calls("ListTasks")
    launcher.close()
    assert aws.calls("ListTasks") == before
    assert not caplog.records


def test_task_of_which_nobody_was_told_is_stopped(
    aws: Aws, start: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = start([], "exec sleep 100")
    run = launcher._ecs.run_task

    def interrupted(**request: Any) -> None:
        run(**request)
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher._ecs, "run_task", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launcher.start([0])
    launcher.close()
    wait_until(lambda: not aws.tasks(), 20)


def test_container_that_is_unknown(aws: Aws, start: Starts) -> None:
    others = {"containerOverrides": [{"name": "other", "command": ["true"]}]}
    with pytest.raises(rioserrors.ParameterError, match="overrides a container 'other'"):
        start([0], "", extra=changed(ecs_on(aws).extra, overrides=others))


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AWS_ACCESS_KEY_ID", None, "NoCredentialsError"),
        ("AWS_DEFAULT_REGION", None, "set AWS_DEFAULT_REGION, or region in"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "EndpointConnectionError"),
        ("AWS_PROFILE", "nobody", "nobody"),
    ],
)
def test_what_this_machine_lacks(
    start: Starts,
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str | None,
    said: str,
) -> None:
    extra = ecs_on(aws).extra
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    with pytest.raises(rioserrors.JobMgrError) as caught:
        start([0], "true", extra=extra)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDeniedException", "deployments/iam"),
        ("ExpiredTokenException", "renew your credentials"),
    ],
)
def test_advice(aws: Aws, start: Starts, code: str, said: str) -> None:
    aws.fault("RunTask", status=400, code=code)
    with pytest.raises(rioserrors.ECSError) as caught:
        start([0], "true")
    assert said in str(caught.value)
    assert code in str(caught.value)


def test_throttling_and_failures_once_are_no_refusals(aws: Aws, start: Starts) -> None:
    aws.fault("RunTask", status=400, code="ThrottlingException")
    launcher = start([0], "exec sleep 100")
    aws.fault("DescribeTasks", status=500, code="ServerException")
    assert wait_for(launcher, "running").number == 0


def test_silence_of_aws_is_no_loss(
    aws: Aws, start: Starts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    launcher = start([0], "exec sleep 100")
    before = wait_for(launcher, "running")
    monkeypatch.setattr(aws_module, "_SILENCE", 0.0)
    aws.fault("DescribeTasks", times=2, status=400, code="InvalidParameterException")
    assert launcher.jobs() == launcher.jobs() == [before]
    (record,) = [each for each in caplog.records if each.levelname == "WARNING"]
    assert "The run goes on without knowing" in record.getMessage()
    assert launcher.jobs() == [before]


def test_task_that_ecs_has_forgotten(start: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = start([0], "exec sleep 100")
    job = wait_for(launcher, "running")
    launcher._jobs[0] = dataclasses.replace(job, id="0" * 32)
    # one answer may lack it
    assert launcher.jobs()[0].state == "running"
    monkeypatch.setattr(aws_module, "_CONSISTENT", 0.0)
    (ended,) = launcher.jobs()
    assert (ended.state, ended.reason) == ("ended", "no longer known to ECS")
    launcher._jobs[0] = job


def test_state_that_is_unknown(start: Starts, caplog: pytest.LogCaptureFixture) -> None:
    launcher = start([], "")
    told = {"lastStatus": "HIBERNATING", "taskArn": "task/lab/1"}
    assert launcher._seen(told) == launcher._seen(told) == SeenJob("running", "HIBERNATING")
    (record,) = caplog.records
    assert "ECS tells an unknown state of a job, 'HIBERNATING'" in record.getMessage()
    for word in ("DEPROVISIONING", "STOPPED", "DELETED"):
        assert launcher._seen({**told, "lastStatus": word}).state == "ended"


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


def test_cluster_with_instances_is_made_and_removed(aws: Aws, start: Starts) -> None:
    launcher = start([0, 1], "exec sleep 100", extra=private(aws))
    wait_for(launcher, "running", 2)
    (cluster,) = [name for name in aws.clusters() if name.startswith("RIOS_demo")]
    assert len(aws.tasks(cluster)) == 2
    assert aws.instances() == 2
    assert len(definitions(aws)) == 1
    launcher.close()
    assert cluster not in aws.clusters()
    assert not aws.instances()
    assert not definitions(aws)


def test_cluster_of_two_runs_goes_with_the_last(aws: Aws, start: Starts) -> None:
    extra = private(aws, numInstances=1, memoryReservation=500)
    launchers = [start([0], "exec sleep 100", extra=extra) for _ in range(2)]
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
    aws: Aws, start: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {**ecs_on(aws).extra, "create_cluster": {"clusterName": "shared"}}
    extra["run_task"] = {**extra["run_task"], "cluster": "shared"}
    first = start([0], "exec sleep 100", extra=extra)
    # the second one has looked before the first made it, and its tags come too late
    create = first._ecs.create_cluster
    monkeypatch.setattr(EcsLauncher, "_cluster_tags", lambda _: None)
    monkeypatch.setattr(ecs_module, "client", lambda *_: first._ecs)
    monkeypatch.setattr(first._ecs, "create_cluster", lambda **_: None)
    second = start([0], "exec sleep 100", extra=extra)
    monkeypatch.setattr(first._ecs, "create_cluster", create)
    for launcher, is_left in ((second, True), (first, False)):
        launcher.close()
        assert ("shared" in aws.clusters()) == is_left


def test_aws_that_does_not_answer_while_instances_join(
    aws: Aws, start: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as if all attempts at a question were in vain
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    launcher = start([0, 1], "exec sleep 100", extra=private(aws))
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
    aws: Aws, start: Starts, monkeypatch: pytest.MonkeyPatch, code: str, late: bool
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    launcher = start([0], "exec sleep 100", extra=private(aws))
    if late:
        monkeypatch.setattr(launcher, "_deadline", 0.0)
    aws.fault("ListContainerInstances", status=400, code=code)
    with pytest.raises(rioserrors.ECSError, match=f"instances of the cluster cannot .*{code}"):
        launcher.jobs()
    (job,) = launcher.jobs()
    assert (job.state, job.reason) == ("ended", "not started")


def test_more_instances_than_are_told_at_once(
    aws: Aws, start: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = start([], "")
    names = [f"i-{number}" for number in range(250)]
    monkeypatch.setattr(launcher, "_instances", names[50:])
    with Stubber(launcher._ecs) as stubber:
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
    aws: Aws, start: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = start([], "exec sleep 100")
    run = launcher._ecs.run_task

    def interrupted(**request: Any) -> None:
        run(**request)
        raise ConnectionClosedError(endpoint_url="ecs")

    with monkeypatch.context() as patch:
        patch.setattr(launcher._ecs, "run_task", interrupted)
        with pytest.raises(rioserrors.ECSError, match="ConnectionClosedError"):
            launcher.start([0])
    launcher.start([0])
    wait_for(launcher, "running")
    assert len(aws.tasks()) == 1


def test_no_room_on_the_instances(aws: Aws, start: Starts) -> None:
    extra = private(aws, memoryReservation=7000)
    launcher = start([0, 1, 2], "exec sleep 100", extra=extra)
    with pytest.raises(rioserrors.ECSError, match=r"RESOURCE:MEMORY; no instance of the cluster"):
        launcher.jobs()


def test_instances_that_do_not_join(
    aws: Aws, start: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {**private(aws), "waitClusterInstanceCountTimeout": 0.3}
    extra["run_instances"]["UserData"] = "#!/bin/bash\n"
    launcher = start([0], "true", extra=extra)
    (job,) = launcher.jobs()
    assert (job.state, job.reason) == ("pending", "0 of 2 instances are in the cluster")
    with pytest.raises(rioserrors.ECSError) as caught:
        wait_for(launcher, "running", seconds=5)
    for text in ("0 of 2 instances joined", "Timeout=0.3", "i-", "is running"):
        assert text in str(caught.value)


def test_cluster_that_is_there_already_is_kept(aws: Aws, start: Starts) -> None:
    extra = {**ecs_on(aws).extra, "create_cluster": {"clusterName": aws.cluster}}
    launcher = start([0], "true", extra=extra)
    wait_for(launcher, "ended")
    launcher.close()
    assert aws.cluster in aws.clusters()


def test_what_aws_says_of_no_room() -> None:
    answer = {
        "failures": [
            {"reason": "AGENT", "detail": "down"},
            {"reason": "Capacity is unavailable at this time"},
        ]
    }
    agent, capacity = ecs_module._failures(answer)
    assert agent.startswith("AGENT (down); an instance of the cluster is not connected")
    assert capacity.startswith("Capacity is unavailable at this time; see run_task")
