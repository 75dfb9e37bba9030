"""Workers on the cluster of a flow's own task runner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Security
from prefect import flow, task
from prefect_dask.task_runners import DaskTaskRunner

from rios_flows import applier, rioserrors
from rios_flows.orchestration.daskrunner import with_its_cluster
from tests.orchestration.served import Api
from tests.support.dask import Cluster
from tests.support.jobs import SmallJob

pytestmark = pytest.mark.prefect

STYLE = applier.ConcurrencyStyle(
    computeWorkerKind=applier.CW_SUBPROC,
    numComputeWorkers=1,
    computeWorkerExtraParams={"daskTaskRunner": True},
)


def double(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    import os

    outputs.result = inputs.image * 2
    other.processes.add(os.getppid())


def apply(folder: str) -> list[Any]:
    job = SmallJob(Path(folder), STYLE)
    other = applier.OtherInputs()
    other.processes = set()
    rtn = applier.apply(double, job.infiles, job.outfiles, other, job.controls)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    return [each.processes for each in rtn.otherArgsList]


def runner(cluster: Cluster) -> Any:
    security = Security(**cluster.extra["security"])
    return DaskTaskRunner(address=cluster.address, client_kwargs={"security": security})


def test_workers_on_the_cluster_of_the_flow(
    api: Api, dask_cluster: Cluster, tmp_path: Path
) -> None:
    @flow(task_runner=runner(dask_cluster))
    def on_dask() -> list[Any]:
        return apply(str(tmp_path))

    (processes,) = on_dask()
    assert processes <= dask_cluster.dask_workers()
    assert len(processes) == 1


@pytest.mark.slow
def test_workers_on_the_cluster_that_a_task_is_on(
    api: Api, dask_cluster: Cluster, tmp_path: Path
) -> None:
    @task
    def by_a_task() -> list[Any]:
        return apply(str(tmp_path))

    @flow(task_runner=runner(dask_cluster))
    def on_dask() -> list[Any]:
        found: list[Any] = by_a_task.submit().result()
        return found

    (processes,) = on_dask()
    assert processes <= dask_cluster.dask_workers()


def test_a_flow_without_such_a_cluster(api: Api, tmp_path: Path) -> None:
    @flow
    def plain() -> list[Any]:
        return apply(str(tmp_path))

    @flow
    def by_a_task() -> list[Any]:
        return task(apply)(str(tmp_path))

    runs: tuple[Callable[[], object], ...] = (plain, by_a_task, lambda: apply(str(tmp_path)))
    for run in runs:
        with pytest.raises(rioserrors.ParameterError, match="needs a flow whose task runner is"):
            run()


def test_other_jobs_stay_as_they_are(tmp_path: Path) -> None:
    job = SmallJob(tmp_path).prepare()
    assert with_its_cluster(job) is job


def test_the_engine_knows_no_flows(tmp_path: Path) -> None:
    with pytest.raises(rioserrors.ParameterError, match=r"engine\.apply knows no flows"):
        SmallJob(tmp_path, STYLE).run()
