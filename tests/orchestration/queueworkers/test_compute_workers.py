"""Compute workers of a run as flow runs on the pool of a queue, which makes them jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from rios_flows import applier
from rios_flows.structures import CW_AWSBATCH, CW_PBS, CW_SLURM, ConcurrencyStyle
from tests.orchestration.queueworkers.labs import Lab
from tests.orchestration.served import ROOT, eventually
from tests.support.jobs import SmallJob
from tests.support.queue_runs import check, nothing_counted, slow, workers_in

pytestmark = [pytest.mark.prefect, pytest.mark.slow]


@pytest.mark.usefixtures("often")
def test_compute_workers_are_flow_runs_that_are_jobs(lab: Lab, tmp_path: Path) -> None:
    pool, name = lab.pool("compute"), f"compute-on-{lab.kind}"
    variables: dict[str, Any] = dict(lab.variables)
    variables["env"] = {"PYTHONPATH": str(ROOT), **variables.get("env", {})}
    extra = {"workPool": pool, "jobVariables": variables, "interface": "127.0.0.1"}
    kind = {"slurm": CW_SLURM, "pbs": CW_PBS, "aws-batch": CW_AWSBATCH}[lab.kind]
    style = ConcurrencyStyle(0, 1, kind, extra, computeBufferPopTimeout=60)
    (tmp_path / "temp").mkdir(exist_ok=True)
    job = SmallJob(tmp_path, style)
    job.controls.setTempdir(str(tmp_path / "temp"))
    job.controls.setJobName(name)
    with lab.working(pool), get_client({"timeout": 30.0}, sync_client=True) as client:
        eventually(lambda: client.read_workers_for_work_pool(pool))
        rtn = applier.apply(
            slow, job.infiles, job.outfiles, nothing_counted(tmp_path), job.controls
        )
        check(job, rtn)
        worker = lab.api.flow_run(f"{name}-0")
        lab.state(worker, "Completed")
        # the job's number, as the function has seen it
        ((_, number),) = workers_in(tmp_path)
        assert number.split(".")[0] in lab.job(worker)
        eventually(lambda: not lab.ids(), 20)
    assert lab.api.parent(worker).flow_run_id == lab.api.flow_run(name).id
