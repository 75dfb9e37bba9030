"""Jobs of AWS Batch: how they are submitted, seen and ended, and what is left of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from rios_flows import rioserrors
from rios_flows.workers.launchers import aws as aws_module
from rios_flows.workers.launchers import cloudwatch
from rios_flows.workers.launchers.aws import SeenJob
from rios_flows.workers.launchers.awsbatch import AwsBatchLauncher, most_workers, seen_job
from rios_flows.workers.launchers.cloudwatch import Stream
from rios_flows.workers.launchers.launcher import tail
from tests.support.aws import Aws
from tests.support.aws_containers import NO_IMAGE, SLOW_IMAGE
from tests.support.aws_runs import batch_on, done_in_vain
from tests.support.queues import wait_for

#: Submits jobs: their numbers, and a script of the shell's in which ``$2`` is the first number.
Starts = Callable[..., AwsBatchLauncher]


@pytest.fixture
def start(aws: Aws, start_in_aws: Callable[..., Any]) -> Starts:
    def starting(numbers: list[int], script: str, **changes: Any) -> AwsBatchLauncher:
        extra = {**changes.pop("extra", {})}
        if "stack" not in extra:
            extra = {**batch_on(aws, **changes).extra, **extra}
        extra.pop("interface", None)
        extra["submit_job"] = {"containerOverrides": {"command": ["sh", "-c", script, "worker"]}}
        launcher: AwsBatchLauncher = start_in_aws(AwsBatchLauncher, "demo.tif", extra, numbers)
        return launcher

    return starting


def test_array_of_jobs_and_one_more(aws: Aws, start: Starts) -> None:
    launcher = start([4, 5], "echo $2 $4 $AWS_BATCH_JOB_ARRAY_INDEX $SECRET; [ $2 != 4 ]")
    launcher.start([7])
    wait_for(launcher, "ended", 3)
    first, second, other = launcher.jobs()
    assert [job.number for job in (first, second, other)] == [4, 5, 7]
    array = first.id.partition(":")[0]
    assert (first.id, second.id) == (f"{array}:0", f"{array}:1")
    # a job of its own
    assert ":" not in other.id
    assert first.name == "demo.tif-4"
    assert first.reason == "exit code 1: Essential container in task exited"
    assert other.reason == "exit code 0"
    assert tail(first.log) == "4 AWS_BATCH_JOB_ARRAY_INDEX 0 sesame"
    assert aws.log(f"batch-{other.id}").split() == ["7", "sesame"]
    names = aws.client("batch").describe_jobs(jobs=[array, other.id])["jobs"]
    assert {job["jobName"].partition("-rios_flows-")[0] for job in names} == {"demo_tif"}


@pytest.mark.parametrize(
    "numbers", [pytest.param([1, 2], id="array"), pytest.param([0], id="single")]
)
def test_job_is_ended_by_the_run(start: Starts, numbers: list[int]) -> None:
    launcher = start(numbers, "exec sleep 100")
    wait_for(launcher, "running", len(numbers))
    launcher.stop(numbers[-1:])
    job = wait_for(launcher, "ended")
    assert job.number == numbers[-1]
    assert job.reason.startswith("cancelled by this run (rios_flows: ")


def test_job_is_ended_by_another(aws: Aws, start: Starts) -> None:
    launcher = start([0], "exec sleep 100")
    batch_on(aws).kill(wait_for(launcher, "running").id, "Host EC2 (instance i-1) terminated.")
    ended = wait_for(launcher, "ended")
    assert ended.reason == "Host EC2 (instance i-1) terminated.; exit code 143"


def test_attempts_are_the_runs(aws: Aws, start: Starts) -> None:
    """A lost worker is replaced by another, and does not come again."""
    launcher = start([0], "exit 3", attempts=3)
    job = wait_for(launcher, "ended")
    assert job.reason.startswith("exit code 3: ")
    (told,) = aws.client("batch").describe_jobs(jobs=[job.id])["jobs"]
    assert len(told["attempts"]) == 1


def test_image_that_is_not_there(start: Starts) -> None:
    job = wait_for(start([0], "true", image=NO_IMAGE), "ended")
    assert job.reason.startswith("cannot start: CannotPullContainerError: ")
    assert "Task failed to start" in job.reason


def test_more_than_there_is(start: Starts) -> None:
    wanted = [{"type": "VCPU", "value": "512"}, {"type": "MEMORY", "value": "512"}]
    launcher = start([0], "true", resourceRequirements=wanted)
    (job,) = launcher.jobs()
    assert job.state == "pending"
    wait_for(launcher, "pending")
    assert "RUNNABLE: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT" in launcher.jobs()[0].reason


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"jobQueue": "nowhere"}, "nowhere does not exist"),
        ({"jobDefinition": "nothing:1"}, "nothing:1 does not exist"),
        ({"stack": "missing"}, "stack 'missing' of CloudFormation cannot be looked into"),
    ],
)
def test_jobs_that_are_refused(start: Starts, extra: dict[str, Any], said: str) -> None:
    with pytest.raises(rioserrors.JobMgrError) as caught:
        start([0], "true", extra=extra)
    assert said in str(caught.value)
    assert "jobQueue and jobDefinition" in str(caught.value)


def stack(aws: Aws, name: str, **outputs: str) -> str:
    """Make a stack that has nothing but outputs."""
    template = {
        "Resources": {"topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    formation = aws.client("cloudformation")
    formation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    return name


def test_queue_and_definition_by_a_stack(
    aws: Aws, start: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = batch_on(aws).extra["jobDefinition"]
    outputs = {
        "BatchProcessingJobQueueName": aws.queue,
        "BatchProcessingJobDefinitionName": definition,
        "BatchVCPUS": "2",
        "BatchMaxVCPUS": "5",
    }
    name = stack(aws, "whole", **outputs)
    launcher = start([0, 1], "true", extra={"stack": name})
    wait_for(launcher, "ended", 2)
    assert {job.reason for job in launcher.jobs()} == {"exit code 0"}
    # RIOS's error
    with pytest.raises(ValueError, match="numComputeWorkers=3 is more than the stack 'whole' has"):
        start([0, 1, 2], "true", extra={"stack": name})
    launcher = start([0, 1], "exec sleep 100", extra={"stack": name})
    with pytest.raises(rioserrors.JobMgrError, match="room for 2 workers: no other is started"):
        launcher.start([2])


def test_stack_without_the_outputs(aws: Aws, start: Starts) -> None:
    name = stack(aws, "half", BatchProcessingJobQueueName=aws.queue, Other="x")
    with pytest.raises(rioserrors.ParameterError, match="no output BatchProcessingJobDefinition"):
        start([0], "true", extra={"stack": name})


def test_throttling_and_failures_once_are_no_refusals(aws: Aws, start: Starts) -> None:
    aws.fault("submitjob", status=429, code="TooManyRequestsException")
    launcher = start([0], "exec sleep 100")
    aws.fault("describejobs", status=500, code="ServerException")
    assert wait_for(launcher, "running").number == 0


def test_jobs_of_an_array_that_are_left_out_of_answers(
    start: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_module, "_CONSISTENT", 0.0)
    launcher = start([0, 1], "[ $2 = 0 ] || exec sleep 100; exec sleep 100")
    lost = wait_for(launcher, "running", 2)
    before = launcher.jobs()
    describe, left_out = launcher._often.describe_jobs, {lost.id}

    def describe_some(jobs: list[str]) -> Any:
        known = [job for job in jobs if job not in left_out]
        return describe(jobs=known) if known else {"jobs": []}

    monkeypatch.setattr(launcher._often, "describe_jobs", describe_some)
    # as long as the array has not ended
    assert launcher.jobs() == before
    array = lost.id.partition(":")[0]
    launcher._batch.terminate_job(jobId=array, reason="enough")
    wait_for(launcher, "ended", 2)
    # neither is known any more
    launcher._jobs[1] = lost
    left_out.add(array)
    assert launcher.jobs()[1].reason == "no longer known to AWS Batch"


def test_logs_of_many_jobs_take_no_longer_than_one(
    start: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloudwatch, "_TIME_FOR_LOGS", 1.5)
    launcher = start([0, 1, 2, 3], "true")
    wait_for(launcher, "ended", 4)
    asked, over = [], Event()

    def slowly(_: Any, stream: Stream) -> list[str]:
        asked.append(stream.name)
        over.wait(60 if stream.name == "3" else 0.3)
        return [" ".join(stream)]

    monkeypatch.setattr(cloudwatch, "log_lines", slowly)
    ends = {n: SeenJob("ended", "exit code 1", stream=Stream("g", str(n))) for n in range(4)}
    monkeypatch.setattr(launcher, "look", lambda _: ends)
    for job in launcher.jobs():
        launcher._jobs[job.number] = dataclasses.replace(job, state="running")
    jobs = launcher.jobs()
    over.set()
    assert [tail(job.log) for job in jobs] == ["g 0", "g 1", "g 2", ""]
    assert {job.reason for job in jobs} == {"exit code 1"}
    assert sorted(asked) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "numbers", [pytest.param([1, 2], id="array"), pytest.param([3], id="single")]
)
def test_job_whose_answer_was_lost_is_submitted_once(
    aws: Aws, start: Starts, monkeypatch: pytest.MonkeyPatch, numbers: list[int]
) -> None:
    launcher = start([8, 9], "exec sleep 100")
    lost = done_in_vain(launcher._batch.submit_job, ConnectionClosedError(endpoint_url="batch"))

    with monkeypatch.context() as patch:
        patch.setattr(launcher._batch, "submit_job", lost)
        with pytest.raises(rioserrors.JobMgrError, match="ConnectionClosedError"):
            launcher.start(numbers)
    launcher.start(numbers)
    wait_for(launcher, "running", 2 + len(numbers))
    assert {job.id for job in launcher.jobs()} == {job["jobId"] for job in aws.jobs()}


def test_job_that_waits_for_a_machine(start: Starts) -> None:
    launcher = start([0], "true", image=SLOW_IMAGE)
    assert wait_for(launcher, "pending").reason in ("SUBMITTED", "RUNNABLE")
    launcher.close()
    assert launcher.jobs()[0].state == "ended"


@pytest.mark.parametrize(
    ("job", "reason", "stream"),
    [
        (
            {
                "status": "FAILED",
                "statusReason": "Essential container in task exited",
                "container": {
                    "exitCode": 137,
                    "reason": "OutOfMemoryError: Container killed due to memory usage",
                    "logStreamName": "a/b",
                },
            },
            "exit code 137, signal 9 (SIGKILL): OutOfMemoryError: Container killed due to memory "
            "usage; Essential container in task exited",
            "a/b",
        ),
        (
            {
                "status": "FAILED",
                "attempts": [{"container": {"logStreamName": "old"}}],
                "statusReason": "Job attempt duration exceeded timeout",
            },
            "Job attempt duration exceeded timeout",
            "old",
        ),
        ({"status": "FAILED"}, "FAILED", ""),
    ],
)
def test_reasons(job: dict[str, Any], reason: str, stream: str) -> None:
    seen = seen_job(job)
    assert (seen.state, seen.reason, seen.stream.name) == ("ended", reason, stream)


def test_room_of_a_stack() -> None:
    assert most_workers({"BatchVCPUS": "2"}) is None
    # Fargate gives a worker half a processor, too
    assert most_workers({"BatchVCPUS": "0.5", "BatchMaxVCPUS": "8"}) == 16
    with pytest.raises(rioserrors.ParameterError, match="BatchVCPUS='two', BatchMaxVCPUS='8'"):
        most_workers({"BatchVCPUS": "two", "BatchMaxVCPUS": "8"})


def test_state_that_is_unknown(caplog: pytest.LogCaptureFixture) -> None:
    told = {"status": "HIBERNATING", "statusReason": "night"}
    assert seen_job(told) == seen_job(told) == SeenJob("running", "HIBERNATING: night")
    (record,) = caplog.records
    assert "AWS Batch tells an unknown state of a job, 'HIBERNATING'" in record.getMessage()
