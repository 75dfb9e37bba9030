"""Tasks of ECS: how they are started, seen and stopped, and what is left of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from rios_flows import rioserrors
from rios_flows.workers.launchers import aws as aws_module
from rios_flows.workers.launchers import book
from rios_flows.workers.launchers import ecs as ecs_module
from rios_flows.workers.launchers.aws import SeenJob
from rios_flows.workers.launchers.awsclient import Patience
from rios_flows.workers.launchers.ecs import EcsLauncher
from rios_flows.workers.launchers.launcher import tail
from tests.support.aws import Aws
from tests.support.aws_containers import NO_IMAGE
from tests.support.aws_runs import done_in_vain, ecs_on
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


def test_tasks_run_and_end(aws: Aws, start_tasks: Starts) -> None:
    launcher = start_tasks([0, 3], "echo $1 $2 $SECRET; [ $2 = 0 ]")
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


def test_command_line_of_a_worker(aws: Aws, start_tasks: Starts) -> None:
    launcher = start_tasks([5], "")
    (job,) = launcher.jobs()
    (told,) = aws.client("ecs").describe_tasks(cluster=aws.cluster, tasks=[job.id])["tasks"]
    (own,) = told["overrides"]["containerOverrides"]
    assert own["command"] == ["python", "-m", "rios_flows.workers", "--number", "5"]


def test_secrets_are_in_no_task_definition(aws: Aws, start_tasks: Starts) -> None:
    launcher = start_tasks([0], "exec sleep 100")
    (told,) = aws.client("ecs").describe_tasks(cluster=aws.cluster, tasks=[launcher.jobs()[0].id])[
        "tasks"
    ]
    definition = aws.client("ecs").describe_task_definition(
        taskDefinition=told["taskDefinitionArn"]
    )
    assert "sesame" not in json.dumps(definition, default=str)


def test_secrets_in_a_parameter(aws: Aws, start_tasks: Starts) -> None:
    extra = {**ecs_on(aws).extra, "addressParameter": "/runs/"}
    launcher = start_tasks([0], "echo $RIOS_FLOWS_PARAMETER; exec sleep 100", extra=extra)
    job = wait_for(launcher, "running")
    wait_until(lambda: aws.log(job.id))
    region, _, name = aws.log(job.id).strip().partition(":")
    assert region == "us-east-1"
    assert name.startswith("/runs/rios_flows-")
    # a request comes again if its answer was lost
    launcher.keep_secrets()
    ssm = aws.client("ssm")
    kept = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert kept["Type"] == "SecureString"
    assert json.loads(kept["Value"]) == {"SECRET": "sesame"}
    told = aws.client("ecs").describe_tasks(cluster=aws.cluster, tasks=[job.id])
    assert "sesame" not in json.dumps(told, default=str)
    launcher.close()
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=name)


def test_end_of_the_log_is_told(start_tasks: Starts) -> None:
    launcher = start_tasks(
        [0], "echo first; echo no such colour >&2; exit 7", logConfiguration=LOGS
    )
    job = wait_for(launcher, "ended")
    assert tail(job.log) == "first\nno such colour"
    assert job.log_end() == "\nIts log ends:\nfirst\nno such colour"


@pytest.mark.parametrize("reason", ["by hand", "Your Spot Task was interrupted."])
def test_task_is_stopped_by_another(aws: Aws, start_tasks: Starts, reason: str) -> None:
    launcher = start_tasks([0], "exec sleep 100")
    job = wait_for(launcher, "running")
    ecs_on(aws).kill(job.id, reason)
    ended = wait_for(launcher, "ended")
    code = "SpotInterruption" if "Spot" in reason else "UserInitiated"
    assert ended.reason == f"{reason}; {code}; exit code 143"


def test_task_is_stopped_by_the_run(start_tasks: Starts) -> None:
    launcher = start_tasks([0, 1], "exec sleep 100")
    wait_for(launcher, "running", 2)
    launcher.stop([1, 7])
    job = wait_for(launcher, "ended")
    assert job.number == 1
    assert job.reason.startswith("cancelled by this run (rios_flows: ")


def test_stop_that_is_refused_is_tried_again(aws: Aws, start_tasks: Starts) -> None:
    launcher = start_tasks([0], "exec sleep 100")
    wait_for(launcher, "running")
    aws.fault("StopTask", status=400, code="AccessDeniedException")
    launcher.stop([0])
    assert wait_for(launcher, "ended").number == 0


def test_killed_for_memory(start_tasks: Starts) -> None:
    job = wait_for(start_tasks([0], "kill -9 $$"), "ended")
    assert job.reason.startswith("exit code 137, signal 9 (SIGKILL): Essential container")


def test_image_that_is_not_there(start_tasks: Starts) -> None:
    job = wait_for(start_tasks([0], "true", image=NO_IMAGE), "ended")
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
def test_tasks_that_are_refused(
    aws: Aws, start_tasks: Starts, more: dict[str, Any], said: str
) -> None:
    # what boto3 itself refuses is known before AWS is asked
    kind = rioserrors.ParameterError if "lunchType" in more else rioserrors.ECSError
    with pytest.raises(kind) as caught:
        start_tasks([0], "true", extra=changed(ecs_on(aws).extra, **more))
    assert said in str(caught.value)
    assert "computeWorkerExtraParams" in str(caught.value)
    assert isinstance(caught.value, rioserrors.RiosError)


def test_overrides_that_are_too_long(aws: Aws, start_tasks: Starts) -> None:
    with pytest.raises(rioserrors.ParameterError, match=r"have \d+ characters, and AWS takes 8192"):
        start_tasks([0], f"echo {'x' * 9000}")
    assert not aws.tasks()


def test_who_may_only_start_see_and_stop_is_not_warned(
    aws: Aws, start_tasks: Starts, caplog: pytest.LogCaptureFixture
) -> None:
    launcher = start_tasks([0], "true")
    wait_for(launcher, "ended")
    before = aws.calls("ListTasks")
    launcher.close()
    assert aws.calls("ListTasks") == before
    assert not caplog.records


def test_task_of_which_nobody_was_told_is_stopped(
    aws: Aws, start_tasks: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = start_tasks([], "exec sleep 100")
    interrupted = done_in_vain(launcher._ecs.run_task, KeyboardInterrupt())
    monkeypatch.setattr(launcher._ecs, "run_task", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launcher.start([0])
    launcher.close()
    wait_until(lambda: not aws.tasks(), 20)


def test_container_that_is_unknown(aws: Aws, start_tasks: Starts) -> None:
    others = {"containerOverrides": [{"name": "other", "command": ["true"]}]}
    with pytest.raises(rioserrors.ParameterError, match="overrides a container 'other'"):
        start_tasks([0], "", extra=changed(ecs_on(aws).extra, overrides=others))


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
    start_tasks: Starts,
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
        start_tasks([0], "true", extra=extra)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDeniedException", "deployments/iam"),
        ("ExpiredTokenException", "renew your credentials"),
    ],
)
def test_advice(aws: Aws, start_tasks: Starts, code: str, said: str) -> None:
    aws.fault("RunTask", status=400, code=code)
    with pytest.raises(rioserrors.ECSError) as caught:
        start_tasks([0], "true")
    assert said in str(caught.value)
    assert code in str(caught.value)


def test_throttling_and_failures_once_are_no_refusals(aws: Aws, start_tasks: Starts) -> None:
    aws.fault("RunTask", status=400, code="ThrottlingException")
    launcher = start_tasks([0], "exec sleep 100")
    aws.fault("DescribeTasks", status=500, code="ServerException")
    assert wait_for(launcher, "running").number == 0


def test_silence_of_aws_is_no_loss(
    aws: Aws, start_tasks: Starts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    launcher = start_tasks([0], "exec sleep 100")
    before = wait_for(launcher, "running")
    monkeypatch.setattr(book, "SILENCE", 0.0)
    aws.fault("DescribeTasks", times=2, status=400, code="InvalidParameterException")
    assert launcher.jobs() == launcher.jobs() == [before]
    (record,) = [each for each in caplog.records if each.levelname == "WARNING"]
    assert "The run goes on without knowing" in record.getMessage()
    assert launcher.jobs() == [before]


def test_task_that_ecs_has_forgotten(start_tasks: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = start_tasks([0], "exec sleep 100")
    job = wait_for(launcher, "running")
    launcher._jobs[0] = dataclasses.replace(job, id="0" * 32)
    # one answer may lack it
    assert launcher.jobs()[0].state == "running"
    monkeypatch.setattr(aws_module, "_CONSISTENT", 0.0)
    (ended,) = launcher.jobs()
    assert (ended.state, ended.reason) == ("ended", "no longer known to ECS")
    launcher._jobs[0] = job


def test_state_that_is_unknown(start_tasks: Starts, caplog: pytest.LogCaptureFixture) -> None:
    launcher = start_tasks([], "")
    told = {"lastStatus": "HIBERNATING", "taskArn": "task/lab/1"}
    assert launcher._seen(told) == launcher._seen(told) == SeenJob("running", "HIBERNATING")
    (record,) = caplog.records
    assert "ECS tells an unknown state of a job, 'HIBERNATING'" in record.getMessage()
    for word in ("DEPROVISIONING", "STOPPED", "DELETED"):
        assert launcher._seen({**told, "lastStatus": word}).state == "ended"


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


def test_aws_that_is_silent_does_not_keep_a_run(
    aws: Aws, start_tasks: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as often as it is asked, and longer than anybody is to wait
    monkeypatch.setattr(ecs_module, "BRIEF", Patience(1, 0.3, 2))
    launcher = start_tasks([0], "exec sleep 100")
    before = wait_for(launcher, "running")
    for action in ("DescribeTasks", "StopTask"):
        aws.fault(action, times=100, delay=3)
    asked = [aws.calls(action) for action in ("DescribeTasks", "StopTask")]
    assert launcher.jobs() == [before]
    launcher.stop([0])
    assert [aws.calls(action) for action in ("DescribeTasks", "StopTask")] == [
        number + 2 for number in asked
    ]
    for action in ("DescribeTasks", "StopTask"):
        (aws.folder / "faults" / action).unlink()
    assert wait_for(launcher, "ended").reason.startswith("cancelled by this run")
