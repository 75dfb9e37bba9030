"""Compute workers that are processes, under Prefect: the server shows what it shows of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest
from prefect.client.schemas.objects import StateType

from rios_flows import applier
from rios_flows.orchestration.flow import apply_flow
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from tests.orchestration.jobs import BLOCKS, Job, count, double, fail_in_the_middle
from tests.orchestration.served import Api

pytestmark = pytest.mark.prefect

STYLE = ConcurrencyStyle(1, 2, CW_SUBPROC)
LANES = {"read-0", "compute-0", "compute-1", "write"}


@pytest.fixture(autouse=True)
def nobody_is_left() -> Any:
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before


def test_lanes_are_task_runs(api: Api, folder: Path) -> None:
    job = Job(folder, "local workers", STYLE)

    def talk(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        if info.getBlockCount() == (0, 0):
            print("hello from afar")  # noqa: T201
        count(info, inputs, outputs, other)

    result = applier.apply(talk, job.infiles, job.outfiles, applier.OtherInputs(), job.controls)
    assert job.is_done()
    assert sum(getattr(copy, "blocks", 0) for copy in result.otherArgsList) == BLOCKS
    run = api.flow_run("local workers")
    assert run.state is not None
    assert run.state.type == StateType.COMPLETED
    tasks = api.task_runs(run.id, len(LANES))
    assert set(tasks) == LANES
    assert {task.state_name for task in tasks.values()} == {"Completed"}
    api.log_line(run.id, r"worker \d .*hello from afar")
    api.log_line(run.id, r"2 compute workers \(CW_SUBPROC\): .* worker-hours asked")
    assert "### Compute workers" in str(api.artifacts(run.id)["summary"].data)


def test_an_error(api: Api, folder: Path) -> None:
    job = Job(folder, "local failure", STYLE)
    with pytest.raises(ValueError, match="no such luck"):
        applier.apply(fail_in_the_middle, job.infiles, job.outfiles, controls=job.controls)
    run = api.flow_run("local failure")
    assert run.state is not None
    assert run.state.type == StateType.FAILED
    assert "block row 1, column 2" in str(run.state.message)


def test_parameters_of_a_deployment(api: Api, folder: Path) -> None:
    job = Job(folder, "by parameters")
    controls = {
        "windowxsize": 32,
        "windowysize": 32,
        "concurrency": {
            "numReadWorkers": 0,
            "numComputeWorkers": 2,
            "computeWorkerKind": "CW_SUBPROC",
            "computeWorkersRead": True,
        },
    }
    apply_flow(
        f"{double.__module__}:double", vars(job.infiles), vars(job.outfiles), controls=controls
    )
    assert job.is_done()
