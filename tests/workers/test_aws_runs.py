"""Whole runs whose workers are in AWS, and what may befall them there."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from rios_flows import rioserrors
from rios_flows.workers.launchers import aws as aws_module
from rios_flows.workers.launchers.ecsparams import ECSComputeWorkerMgr
from tests.support.aws import ROLE, Aws
from tests.support.aws_containers import NO_IMAGE, SLOW_IMAGE
from tests.support.aws_runs import PLACES, Place, batch_on, ecs_on, job_in
from tests.support.deaths import die_always
from tests.support.executors import add_all_kinds_of_inputs, combine
from tests.support.jobs import SmallJob
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
from tests.workers.test_queue_runs import everything_in

ROOT = Path(__file__).parents[2]

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
    monkeypatch.setattr(aws_module, "_PAUSE", 0.1)


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
    "batch": {"computeWorkersRead": True, "numReadWorkers": 2},
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


def test_a_stranger_comes_and_a_worker_leaves(aws: Aws, tmp_path: Path) -> None:
    ports = socket.create_server(("127.0.0.1", 0))
    port = ports.getsockname()[1]
    ports.close()
    job = job_in(batch_on(aws), tmp_path, numComputeWorkers=1, extra={"ports": port})

    def come() -> None:
        wait_for_workers(tmp_path, 1)
        with socket.create_connection(("127.0.0.1", port), 10) as stranger:
            stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
            stranger.settimeout(30)
            with suppress(ConnectionResetError):
                # no more than a word of TLS
                assert len(stranger.recv(100)) < 100

    with meanwhile(tmp_path, come):
        rtn = job.run(leave_once, nothing_counted(tmp_path))
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
    job = job_in(place, tmp_path)
    said = ("ended before its worker came: exit code 1", "Its log ends:", "BROKEN")
    with refused(job, place, rioserrors.JobMgrError, *said):
        run(job)


def test_tasks_that_never_start(aws: Aws, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rios_flows")
    place = ecs_on(aws, image=SLOW_IMAGE)
    job = job_in(place, tmp_path, computeBarrierTimeout=3)
    said = ("0 of 2", "computeBarrierTimeout=3", "is pending: PENDING")
    with refused(job, place, rioserrors.TimeoutError, *said):
        run(job)
    assert "is pending: P" in caplog.text


def private_cluster(aws: Aws) -> dict[str, Any]:
    return ECSComputeWorkerMgr.makeExtraParams_PrivateCluster(
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


def lives(process: int) -> bool:
    """Return whether a process has not ended."""
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("name", "number", "seconds"),
    [("batch", signal.SIGTERM, 15), ("ecs", signal.SIGKILL, 60)],
)
def test_nothing_stays_after_a_signal(
    name: str, number: int, seconds: float, aws: Aws, tmp_path: Path
) -> None:
    place = PLACES[name](aws)
    extra = private_cluster(aws) if name == "ecs" else {}
    job = job_in(place, tmp_path, extra=extra)
    (tmp_path / "slowly").touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.queue_main", "engine", place.kind, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        workers = wait_for_workers(tmp_path)
        process.send_signal(number)
        end = time.monotonic() + seconds
        wait_until(lambda: not any(lives(each) for each, _ in workers), seconds)
        wait_until(lambda: not place.ids(), end - time.monotonic())
        assert process.wait(max(1, end - time.monotonic())) != 0
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not list((tmp_path / "temp").iterdir()), 20)
    if name == "ecs":
        name = extra["create_cluster"]["clusterName"]
        wait_until(lambda: name not in aws.clusters(), end - time.monotonic())
        assert not aws.instances()
    assert untouched(job)
