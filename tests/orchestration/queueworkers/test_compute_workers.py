"""Compute workers of a run as flow runs on the pool of a queue, which makes them jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun

from rios_flows.structures import CW_AWSBATCH, CW_PBS, CW_SLURM
from tests.orchestration.pools.bodies import Place, check_cancel, check_loss, check_poison
from tests.orchestration.queueworkers.labs import Lab
from tests.orchestration.served import ROOT, eventually
from tests.support.queue_runs import workers_in

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.usefixtures("often")]

KINDS = {"slurm": CW_SLURM, "pbs": CW_PBS, "aws-batch": CW_AWSBATCH}


@pytest.fixture
def client(lab: Lab) -> Iterator[SyncPrefectClient]:
    with get_client({"timeout": 30.0}, sync_client=True) as client:
        yield client


@pytest.fixture
def place(
    lab: Lab, client: SyncPrefectClient, request: pytest.FixtureRequest, often: None
) -> Iterator[Place]:
    """Give the test a pool of each queue in turn, with a worker."""
    pool = lab.pool(f"for {request.node.originalname}")
    variables: dict[str, Any] = dict(lab.variables)
    variables["env"] = {"PYTHONPATH": str(ROOT), **variables.get("env", {})}

    def kill(worker: int, flow_run: FlowRun) -> None:
        lab.kill(lab.job(flow_run))

    with lab.working(pool):
        eventually(lambda: client.read_workers_for_work_pool(pool))
        yield Place(
            name=f"on-{lab.kind}",
            kind=KINDS[lab.kind],
            extra={"workPool": pool, "jobVariables": variables, "interface": "127.0.0.1"},
            api=lab.api,
            kill=kill,
            # the flow run may have the time to say so itself
            killed="ended without a word|termination signal",
            ids=lab.ids,
        )


def test_a_job_that_is_killed_is_replaced(
    place: Place, client: SyncPrefectClient, lab: Lab, tmp_path: Path
) -> None:
    check_loss(place, client, tmp_path)
    # the jobs' numbers, as the function has seen them
    jobs = {lab.job(worker) for worker in place.workers("loss")}
    assert {number.split(".")[0] for _, number in workers_in(tmp_path)} == {
        job.split(".")[0] for job in jobs
    }


# Slurm and PBS differ in their commands only, which other tests have both use
@pytest.mark.parametrize("lab", ["slurm", "batch"], indirect=True)
def test_a_block_that_kills_its_job(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what further ones would add is the same on all pools
    monkeypatch.setattr("rios_flows.workers.remote.MOST_LOSSES", 1)
    check_poison(place, tmp_path, losses=1)


@pytest.mark.parametrize("lab", ["pbs", "batch"], indirect=True)
def test_a_run_that_is_cancelled(place: Place, tmp_path: Path) -> None:
    check_cancel(place, tmp_path)
