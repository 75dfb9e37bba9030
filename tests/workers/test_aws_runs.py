"""Whole runs whose workers are in AWS, and what may befall them there."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.workers.launchers import aws as aws_module
from rios_flows.workers.launchers.ecsparams import ECSComputeWorkerMgr
from rios_flows.workers.network.addresses import Address
from tests.support.aws import ROLE, Aws
from tests.support.aws_containers import NO_IMAGE, SLOW_IMAGE
from tests.support.aws_runs import PLACES, Place, batch_on, ecs_on, job_in
from tests.support.deaths import die_always
from tests.support.executors import add_all_kinds_of_inputs, combine, fail_deep_inside
from tests.support.jobs import SmallJob
from tests.support.queue_ends import end_by_signal
from tests.support.queue_runs import (
    ALL,
    check,
    check_nothing_is_left,
    meanwhile,
    nothing_counted,
    slow,
    untouched,
    wait_for_workers,
)
from tests.support.queues import wait_until
from tests.workers.test_queue_runs import everything_in, strange_guests

#: Logs that an error can tell.
LOGS = {
    "logDriver": "awslogs",
    "options": {
        "awslogs-group": "workers",
        "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "run",
    },
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_module.AwsLauncher, "pause", 0.1)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, aws: Aws) -> Place:
    """Give the test ECS and AWS Batch in turn."""
    return PLACES[request.param](aws)


STYLES: dict[str, dict[str, Any]] = {
    "ecs": {
        "computeWorkersRead": False,
        "numReadWorkers": 2,
        "extra": {"addressParameter": "/runs"},
    },
    "batch": {
        "computeWorkersRead": True,
        "numReadWorkers": 2,
        "numComputeWorkers": 0,
        "extra": {"minimum": 1, "maximum": 3},
    },
}


def test_equal_to_a_run_without_workers(place: Place, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    plain, job = SmallJob(tmp_path / "plain"), job_in(place, tmp_path, **STYLES[place.name])
    for each in (plain, job):
        add_all_kinds_of_inputs(each)
        each.controls.setOverviewLevels([2, 4])
        each.controls.setOverviewMinDim(10)
        each.controls.setThematic(True, "parts")
    plain.run(combine, {"blocks": [], "options": set()})
    rtn = job.run(combine, {"blocks": [], "options": set()})
    for name in ("out.tif", "inside.tif", "touched.tif"):
        assert everything_in(tmp_path / name) == everything_in(plain.folder / name)
    assert sorted(block for each in rtn.otherArgsList for block in each["blocks"]) == ALL
    assert not place.ids()
    assert not place.aws.client("ssm").describe_parameters()["Parameters"]
    check_nothing_is_left(job)


def kill_process(place: Place, process: int, job: str) -> None:
    os.kill(process, signal.SIGKILL)


def interrupt(place: Place, process: int, job: str) -> None:
    place.kill(job, "Your Spot Task was interrupted.")


@pytest.mark.parametrize(
    ("name", "kill", "reason"),
    [
        ("ecs", interrupt, "Your Spot Task was interrupted.; SpotInterruption"),
        ("batch", kill_process, "exit code 137, signal 9 (SIGKILL)"),
    ],
)
def test_one_of_two_is_lost(
    name: str,
    kill: Callable[[Place, int, str], None],
    reason: str,
    aws: Aws,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = PLACES[name](aws)
    job = job_in(place, tmp_path)
    killed = []

    def kill_one() -> None:
        process, lost = wait_for_workers(tmp_path)[0]
        killed.append(lost)
        kill(place, process, lost)
        wait_until(lambda: "Lost" in caplog.text, 30)

    # meanwhile AWS is slow once, and once it throttles
    aws.fault("DescribeTasks", delay=0.5)
    aws.fault("describejobs", status=429, code="TooManyRequestsException")
    with meanwhile(tmp_path, kill_one):
        rtn = job.run(slow, nothing_counted(tmp_path))
    check(job, rtn)
    (warning,) = [record.getMessage() for record in caplog.records if "Lost" in record.msg]
    for text in ("block row ", f"job {killed[0]}", os.uname().nodename, reason, "Starting another"):
        assert text in warning, warning
    # it was a job of its own
    assert name == "ecs" or ":" in killed[0]


def test_a_block_that_always_kills_its_worker(aws: Aws, tmp_path: Path) -> None:
    job = job_in(ecs_on(aws, logConfiguration=LOGS), tmp_path, numComputeWorkers=1)
    other = {"death": "SIGSEGV", "blocks": [], "sum": 0, "ballast": np.zeros(12)}
    with pytest.raises(rioserrors.WorkerLostError) as caught:
        job.run(die_always, other)
    # the last lines are CloudWatch's
    texts = ("3 workers", "block row 1, column 2", "exit code 139, signal 11 (SIGSEGV)", "job ")
    for text in (*texts, "Its log ends:", "in die_always"):
        assert text in str(caught.value), caught.value
    assert untouched(job)
    check_nothing_is_left(job)


def leave_once(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Leave without a word, at the first attempt at a block."""
    slow(info, inputs, outputs, other)
    mark = Path(other["folder"], "left")
    if info.getBlockCount() == (2, 1) and not mark.exists():
        mark.touch()
        os._exit(0)


@pytest.mark.parametrize(
    ("name", "function"), [pytest.param("ecs", slow, id="ecs"), ("batch", leave_once)]
)
def test_strangers_come_and_a_worker_leaves(
    name: str, function: Callable[..., None], aws: Aws, tmp_path: Path
) -> None:
    ports = socket.create_server(("127.0.0.1", 0))
    port = ports.getsockname()[1]
    ports.close()
    job = job_in(PLACES[name](aws), tmp_path, numComputeWorkers=1, extra={"ports": port})

    def come() -> None:
        wait_for_workers(tmp_path, 1)
        # who has no key, or that of another run
        strange_guests(Address("127.0.0.1", port, ""))

    with meanwhile(tmp_path, come):
        rtn = job.run(function, nothing_counted(tmp_path))
    check(job, rtn)


@contextmanager
def refused(
    job: SmallJob, place: Place, error: type[Exception], *texts: str, seconds: float = 30
) -> Iterator[None]:
    """Expect an error with some words, soon, after which nothing is left."""
    start = time.monotonic()
    with pytest.raises(error) as caught:
        yield
    for text in texts:
        assert text in str(caught.value), caught.value
    assert time.monotonic() - start < seconds
    assert untouched(job)
    assert not place.ids()
    check_nothing_is_left(job)


def run(job: SmallJob) -> None:
    job.run(slow, nothing_counted(job.folder))


@pytest.mark.parametrize("name", PLACES)
def test_an_image_that_cannot_be_pulled(name: str, aws: Aws, tmp_path: Path) -> None:
    place = PLACES[name](aws, image=NO_IMAGE)
    job = job_in(place, tmp_path)
    said = ("ended before its worker came: cannot start: CannotPullContainerError", NO_IMAGE)
    with refused(job, place, rioserrors.JobMgrError, *said):
        run(job)


def test_a_worker_that_cannot_start(aws: Aws, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "numpy.py").write_text("raise ImportError('BROKEN')")
    variables = [{"name": "PYTHONPATH", "value": str(broken)}]
    place = batch_on(aws, environment=variables)
    job = job_in(place, tmp_path, numComputeWorkers=1)
    said = ("ended before its worker came: exit code 1", "Its log ends:", "BROKEN")
    with refused(job, place, rioserrors.JobMgrError, *said):
        run(job)


def test_tasks_that_never_start(aws: Aws, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rios_flows")
    place = ecs_on(aws, image=SLOW_IMAGE)
    # ECS is to have told of the tasks by then: also on a busy machine, and whatever it says
    job = job_in(place, tmp_path, computeBarrierTimeout=5)
    said = ("0 of 2", "computeBarrierTimeout=5", "is pending: P")
    with refused(job, place, rioserrors.TimeoutError, *said, seconds=60):
        run(job)
    assert "is pending: P" in caplog.text


def all_its_own(aws: Aws) -> dict[str, Any]:
    """Return the parameters of a run that makes whatever can be made, instances and secret too."""
    extra = ECSComputeWorkerMgr.makeExtraParams_PrivateCluster(
        jobName="ends",
        numInstances=1,
        ami="ami-12c6146b",
        instanceType="m5.large",
        containerImage="rios-flows:test",
        taskRoleArn=ROLE,
        executionRoleArn=ROLE,
        subnet=aws.subnet,
        securityGroups=[aws.group],
        instanceProfileArn=aws.profile,
    )
    return {**extra, "addressParameter": "/runs"}


def made_by(extra: Mapping[str, Any], aws: Aws) -> list[str]:
    """Return what is there of all that a run makes."""
    ecs = aws.client("ecs")
    listed = [ecs.list_task_definitions(status=status) for status in ("ACTIVE", "INACTIVE")]
    arns = [arn for each in listed for arn in each["taskDefinitionArns"]]
    cluster = extra.get("create_cluster", {}).get("clusterName", "none")
    return [
        *(name for name in aws.clusters() if name == cluster),
        *(arn for arn in arns if "RIOS_ends" in arn),
        *(each["Name"] for each in aws.client("ssm").describe_parameters()["Parameters"]),
        *["instance"] * aws.instances(),
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_after_a_signal(place: Place, number: int, tmp_path: Path) -> None:
    extra = all_its_own(place.aws) if place.name == "ecs" else {}
    end_by_signal(place, job_in(place, tmp_path, extra=extra), number)
    wait_until(lambda: not made_by(extra, place.aws), 60)


def test_nothing_stays_after_an_error(aws: Aws, tmp_path: Path) -> None:
    extra = all_its_own(aws)
    place = ecs_on(aws)
    job = job_in(place, tmp_path, numComputeWorkers=1, extra=extra)
    with refused(job, place, rioserrors.WorkerExceptionError, "KeyError", seconds=60):
        job.run(fail_deep_inside)
    assert not made_by(extra, aws)
