"""Runs of a worker that are cancelled, suspended or killed, and what a later run makes of it."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.flow_runs import resume_flow_run, suspend_flow_run
from prefect.testing.cli import CycloptsCliRunner

from rios_flows.orchestration.call import ApplyCall
from rios_flows.runs.run import lane_names
from tests.orchestration.jobs import Job, take_a_second
from tests.orchestration.served import ROOT, Api, eventually, share
from tests.orchestration.usersflow import users_flow
from tests.support.rasters import read_raster, write_raster
from tests.support.styles import STYLES

BLOCKS = 4 * 4

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.usefixtures("worker")]

ANY = "rios-apply/any-function"
AROUND = "users-flow/stops"


@pytest.fixture
def around(api: Api, deployed: None) -> None:
    """Deploy a flow in which there is a run."""
    entrypoint = "tests/orchestration/usersflow.py:users_flow"
    users_flow.from_source(str(ROOT), entrypoint).deploy(  # type: ignore[union-attr]
        "stops", work_pool_name="rios-process", build=False, push=False, print_next_steps=False
    )


def begin(api: Api, job: Job, name: str, interval: float = 1000) -> FlowRun:
    """Start a run that is to be stopped, and wait until it has written something."""
    job.controls.setResume(True, checkpointInterval=interval)
    job.controls.setWindowSize(25, 20)
    write_raster(job.output, job.pixels)
    call = ApplyCall.prepare(take_a_second, job.infiles, job.outfiles, None, job.controls)
    given: dict[str, Any] = call.parameters if name == ANY else {"job": call.parameters}
    run = api.start(name, given)
    eventually(
        lambda: [
            found for found in api.flow_runs(str(job.controls.jobName)) if api.progress(found.id)
        ],
        240,
    )
    return run


def order(what: str, run: FlowRun) -> None:
    """Give Prefect's own command, but in this process: blocks go on while another one starts."""
    told = CycloptsCliRunner().invoke(["flow-run", what, str(run.id)])
    assert told.exit_code == 0, told.output


def state_of(run: FlowRun) -> str | None:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run.id).state_name


def lanes_end_cancelled(api: Api, run: FlowRun, style: str) -> None:
    names = lane_names(STYLES[style])
    lanes = api.task_runs(run.id, len(names))
    assert lanes[names[-1]].state_name == "Cancelled"
    assert {lane.state_name for lane in lanes.values()} <= {"Cancelled", "Completed"}


def resumed_blocks(api: Api, run: FlowRun) -> int:
    """Return how many blocks were on disk when a run was started again."""
    line = api.log_line(run.id, r"Resuming: \d+ of", 120)
    return int(re.findall(r"\d+", line.message)[0])


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_cancelled_and_run_again(api: Api, tmp_path: Path, style: str) -> None:
    job = Job(tmp_path, f"stop {style}", STYLES[style])
    run = begin(api, job, ANY)
    order("cancel", run)
    began = time.monotonic()
    eventually(lambda: state_of(run) == "Cancelled", 60)
    # blocks take a second; ten on a machine that does nothing else, as tests seldom find it
    assert time.monotonic() - began < 10 * max(2, share())
    np.testing.assert_array_equal(read_raster(job.output), job.pixels)
    lanes_end_cancelled(api, run, style)
    # the process tells of its progress for the last time before that
    eventually(lambda: api.artifacts(run.id).get("summary"), 30)
    written = round(api.progress(run.id) * BLOCKS / 100)

    # at once: what the worker says later is not meant for this attempt
    order("retry", run)
    assert resumed_blocks(api, run) == written
    eventually(lambda: state_of(run) == "Completed", 120)
    assert job.is_done()


@pytest.mark.usefixtures("around")
def test_killed_and_run_again(api: Api, tmp_path: Path) -> None:
    job = Job(tmp_path, "killed")
    run = begin(api, job, AROUND, interval=0.1)
    (own,) = api.flow_runs("killed")
    time.sleep(5)  # until it is guarded
    with get_client(sync_client=True) as client:
        pid = str(client.read_flow_run(run.id).infrastructure_pid)
    os.kill(int(pid.rpartition(":")[2]), signal.SIGKILL)
    eventually(lambda: state_of(run) == state_of(own) == "Crashed", 120)
    (lane,) = api.task_runs(own.id, 1).values()
    assert lane.state_name == "Crashed"
    np.testing.assert_array_equal(read_raster(job.output), job.pixels)

    order("retry", run)
    eventually(lambda: state_of(run) == "Completed", 120)
    assert job.is_done()
    again = max(api.flow_runs("killed"), key=lambda found: str(found.created))
    assert resumed_blocks(api, again)


@pytest.mark.usefixtures("around")
def test_suspended_and_resumed(api: Api, tmp_path: Path) -> None:
    job = Job(tmp_path, "suspended")
    run = begin(api, job, AROUND)
    suspend_flow_run(flow_run_id=run.id)
    (own,) = api.flow_runs(str(job.controls.jobName))
    eventually(lambda: api.log_line(run.id, "is paused|Finished in state", 30))
    assert state_of(run) == state_of(own) == "Suspended"
    np.testing.assert_array_equal(read_raster(job.output), job.pixels)
    lanes_end_cancelled(api, own, "none")
    written = round(api.progress(own.id) * BLOCKS / 100)
    assert 0 < written < BLOCKS

    resume_flow_run(run.id)
    assert resumed_blocks(api, own) == written
    eventually(lambda: state_of(run) == "Completed", 120)
    assert state_of(own) == "Completed"
    assert job.is_done()
