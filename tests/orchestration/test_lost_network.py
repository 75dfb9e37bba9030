"""What becomes of a run whose machine loses its network, for a while and for good."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun

from rios_flows.orchestration.automations import NO_SIGN
from rios_flows.orchestration.call import ApplyCall
from tests.orchestration.jobs import Job, dawdle
from tests.orchestration.network import Network
from tests.orchestration.served import ROOT, Api, Server, eventually, prefect, running_worker
from tests.orchestration.test_automations import PATIENCE, automation
from tests.orchestration.usersflow import often_alive
from tests.support.rasters import read_raster, write_raster
from tests.support.styles import STYLES

pytestmark = [pytest.mark.prefect, pytest.mark.slow]

POOL = "far-away"
ALIVE = dict.fromkeys(("read-0", "compute-0", "write"), "Running")
LOST = dict.fromkeys(ALIVE, "Crashed")


@pytest.fixture
def network(api: Api, server: Server, tmp_path: Path) -> Iterator[Network]:
    """Run a worker of its own pool, and the flow that it runs, behind a network."""
    # it may be there from a first try
    create = "work-pool", "create", POOL, "--type", "process", "--overwrite"
    made = prefect(server, tmp_path, *create)
    assert made.returncode == 0, made.stdout + made.stderr
    entrypoint = "tests/orchestration/usersflow.py:often_alive"
    often_alive.from_source(str(ROOT), entrypoint).deploy(  # type: ignore[union-attr]
        POOL, work_pool_name=POOL, build=False, push=False, print_next_steps=False
    )
    with Network(server.port) as way:
        url = f"http://127.0.0.1:{way.port}/api"
        settings = {**server.environment(), "PREFECT_API_URL": url}
        with running_worker(POOL, settings, tmp_path):
            yield way


def read(run: FlowRun) -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run.id)


def are(state: str, *runs: FlowRun) -> bool:
    return all(read(run).state_name == state for run in runs)


def lanes(api: Api, run: FlowRun) -> dict[str, str | None]:
    return {lane.name: lane.state_name for lane in api.all_task_runs(run.id)}


def test_lost(api: Api, network: Network, server: Server, tmp_path: Path) -> None:
    job = Job(tmp_path, "out of reach", STYLES["threads 1-1"])
    # longer than this test
    job.controls.setWindowSize(4, 4)
    job.controls.setResume(True, checkpointInterval=0.1)
    write_raster(job.output, job.pixels)
    call = ApplyCall.prepare(dawdle, job.infiles, job.outfiles, None, job.controls)
    with automation(PATIENCE):
        run = api.start(f"often-alive/{POOL}", {"job": call.parameters})
        (own,) = eventually(
            lambda: [each for each in api.flow_runs("out of reach") if api.progress(each.id)], 120
        )

        network.cut()
        eventually(lambda: are("Crashed", run, own), 60)
        eventually(lambda: lanes(api, own) == LOST, 30)
        state = read(own).state
        assert state is not None
        assert state.message == NO_SIGN
        # it was alive all the while
        network.mend()
        # a server on SQLite has stood still for its longest wait for a lock, 60 s
        eventually(lambda: are("Running", run, own), 150)
        # by events, whose connection Prefect makes again in a while
        eventually(lambda: lanes(api, own) == ALIVE, 90)
        api.log_line(own.id, "is alive: it goes on")

        network.cut()
        eventually(lambda: are("Crashed", run, own), 60)
        eventually(lambda: lanes(api, own) == LOST, 30)
        pid = str(read(run).infrastructure_pid)
        os.kill(int(pid.rpartition(":")[2]), signal.SIGKILL)
        np.testing.assert_array_equal(read_raster(job.output), job.pixels)

        network.mend()
        (tmp_path / "hurry").touch()
        told = prefect(server, tmp_path, "flow-run", "retry", str(run.id))
        assert told.returncode == 0, told.stdout + told.stderr
        eventually(lambda: are("Completed", run), 90)
    assert job.is_done()
    again = max(api.flow_runs("out of reach"), key=lambda found: str(found.created))
    api.log_line(again.id, r"Resuming: \d+ of")
