"""What becomes of runs whose worker is killed, alone or with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun

from rios_flows.orchestration.call import ApplyCall
from tests.orchestration.jobs import Job, allow, go_on_until_told
from tests.orchestration.served import ROOT, Api, Server, eventually, prefect
from tests.orchestration.usersflow import users_flow
from tests.support.rasters import read_raster, write_raster

pytestmark = [pytest.mark.prefect, pytest.mark.slow]

POOL = "killed-worker"


@pytest.fixture
def mortal_worker(api: Api, server: Server, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker of its own pool, whose output nobody reads once it has gone."""
    # it may be there from a first try
    create = "work-pool", "create", POOL, "--type", "process", "--overwrite"
    made = prefect(server, tmp_path, *create)
    assert made.returncode == 0, made.stdout + made.stderr
    entrypoint = "tests/orchestration/usersflow.py:users_flow"
    users_flow.from_source(str(ROOT), entrypoint).deploy(  # type: ignore[union-attr]
        "mortal", work_pool_name=POOL, build=False, push=False, print_next_steps=False
    )
    with subprocess.Popen(
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL],
        env={**server.environment(), "PREFECT_WORKER_QUERY_SECONDS": "1"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as worker:
        yield worker
        worker.kill()


def begin(api: Api, job: Job) -> FlowRun:
    write_raster(job.output, job.pixels)
    call = ApplyCall.prepare(go_on_until_told, job.infiles, job.outfiles, None, job.controls)
    return api.start("users-flow/mortal", {"job": call.parameters})


def own_run(api: Api, name: str) -> FlowRun:
    """Return the run of the job as soon as it has written something."""
    (run,) = eventually(
        lambda: [each for each in api.flow_runs(name) if api.progress(each.id)], 120
    )
    return run


def read(run: FlowRun) -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run.id)


def state(api: Api, name: str) -> str | None:
    (run,) = api.flow_runs(name)
    return run.state_name


def test_killed(api: Api, mortal_worker: subprocess.Popen[bytes], tmp_path: Path) -> None:
    lives, dies = Job(tmp_path, "lives on"), Job(tmp_path, "dies, too")
    started = begin(api, dies)
    begin(api, lives)
    own_run(api, "dies, too")
    own_run(api, "lives on")
    time.sleep(5)  # until they are guarded
    mortal_worker.kill()
    pid = str(read(started).infrastructure_pid)
    os.kill(int(pid.rpartition(":")[2]), signal.SIGKILL)

    eventually(lambda: state(api, "dies, too") == "Crashed", 60)
    assert read(started).state_name == "Crashed"
    np.testing.assert_array_equal(read_raster(dies.output), dies.pixels)

    allow(lives)
    eventually(lambda: state(api, "lives on") == "Completed", 60)
    assert lives.is_done()
    assert api.progress(own_run(api, "lives on").id) == 100
