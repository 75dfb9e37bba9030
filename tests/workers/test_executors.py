"""One body for every place where blocks can be worked on: what comes out does not depend on it."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.controls.concurrency import CW_AWSBATCH, CW_ECS, ON_DASK
from rios_flows.structures import ApplierReturn
from tests.support import executors
from tests.support.aws import Aws
from tests.support.aws_runs import batch_on, ecs_on
from tests.support.dask import Cluster
from tests.support.executors import (
    EXECUTORS,
    SLOW_PLACES,
    add_all_kinds_of_inputs,
    combine,
    fail_at_first,
    fail_deep_inside,
    leave,
    of_kind,
)
from tests.support.jobs import BLOCKS, SmallJob, lanes_alive
from tests.support.styles import STYLES

#: One lane that does all, and several that compute: workers that read, and workers that do not.
CHOSEN = ("none", "threads 2-2")

#: The fixtures that bring up queues.
QUEUES = {
    **{"Slurm": "slurm_queue", "PBS": "pbs_queue", "Dask": "dask_extra"},
    **{"ECS": "ecs_extra", "AWS Batch": "batch_extra"},
}


@pytest.fixture
def dask_extra(dask_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(executors.EXTRA, ON_DASK, dask_cluster.extra)


@pytest.fixture
def ecs_extra(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(executors.EXTRA, CW_ECS, ecs_on(aws).extra)


@pytest.fixture
def batch_extra(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(executors.EXTRA, CW_AWSBATCH, batch_on(aws).extra)


def also(*few: tuple[str, str]) -> pytest.MarkDecorator:
    """Have a test run in every place with every style, and in some with one style."""
    everywhere = [(style, name) for style in CHOSEN for name in EXECUTORS]
    return pytest.mark.parametrize(("job", "executor"), [*everywhere, *few], indirect=True)


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> Iterator[str]:
    executors._failed.clear()
    if request.param in QUEUES:
        request.getfixturevalue(QUEUES[request.param])
    yield request.param
    assert not lanes_alive()
    assert not multiprocessing.active_children()


@pytest.fixture(params=CHOSEN)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path, STYLES[request.param])


def run(job: SmallJob, executor: str, function: Any, other: Any = None) -> ApplierReturn:
    where = {**EXECUTORS, **SLOW_PLACES}[executor]
    if isinstance(where, str):
        job.controls.setConcurrencyStyle(of_kind(job.style, where))
        return job.run(function, other)
    return job.execute(job.prepare(function, other), find_executor=where)


def nothing_counted() -> dict[str, Any]:
    return {"blocks": [], "options": set()}


def everything_in(path: Path) -> tuple[Any, ...]:
    with rasterio.open(path) as dataset:
        return dataset.read().tolist(), dataset.nodata, dataset.tags(1), dataset.overviews(1)


@pytest.mark.parametrize(
    ("style", "executor"),
    [
        *((style, name) for style in (*CHOSEN, "none, 2 readers") for name in EXECUTORS),
        *(("none", "ECS"), ("none, 2 readers", "AWS Batch")),
    ],
    indirect=["executor"],
)
def test_outputs_do_not_depend_on_it(style: str, executor: str, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    plain, job = SmallJob(tmp_path / "plain"), SmallJob(tmp_path, STYLES[style])
    for each in (plain, job):
        add_all_kinds_of_inputs(each)
    plain.run(combine, nothing_counted())
    with rasterio.Env(COLOUR_OF_THE_DAY="red"):
        rtn = run(job, executor, combine, nothing_counted())
    for name in ("out.tif", "inside.tif", "touched.tif"):
        assert everything_in(job.folder / name) == everything_in(plain.folder / name)
    counted = [block for other in rtn.otherArgsList for block in other["blocks"]]
    assert sorted(counted) == sorted((col, row) for row in range(3) for col in range(4))
    assert {option for other in rtn.otherArgsList for option in other["options"]} == {"red"}


@also(("none", "ECS"), ("none", "AWS Batch"))
def test_an_error_with_its_block_and_its_traceback(job: SmallJob, executor: str) -> None:
    with pytest.raises(rioserrors.WorkerExceptionError) as caught:
        run(job, executor, fail_deep_inside)
    for text in ("'fail_deep_inside'", "block row 1, column 2", "compute stage", "KeyError"):
        assert text in str(caught.value)
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.__cause__.args == ("no such colour",)
    assert "in deepest" in "".join(traceback.format_exception(caught.value))
    (attempt,) = [record for record in job.heard.records if record.error]
    assert (attempt.stage, attempt.attempt) == ("compute", 1)
    assert attempt.error.startswith("User function 'fail_deep_inside' failed at block row 1")
    assert job.files() == job.before


#: All places, with one style.
EACH = pytest.mark.parametrize("executor", [*EXECUTORS, "ECS", "AWS Batch"], indirect=True)


@EACH
def test_a_function_that_leaves(executor: str, tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    with pytest.raises(SystemExit) as caught:
        run(job, executor, leave)
    assert caught.value.code == 3
    assert job.files() == job.before


@also(("none", "ECS"), ("none", "AWS Batch"))
def test_a_block_that_is_tried_again_counts_once(job: SmallJob, executor: str) -> None:
    job.controls.setBlockRetries(userFunction=1, delay=0)
    rtn = run(job, executor, fail_at_first, nothing_counted())
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    counted = [block for other in rtn.otherArgsList for block in other["blocks"]]
    assert len(set(counted)) == len(counted) == BLOCKS
    attempts = [record for record in rtn.records if record.stage == "compute"]
    assert sorted(record.attempt for record in attempts) == [1] * BLOCKS + [2] * BLOCKS
    assert all(("not yet" in record.error) == (record.attempt == 1) for record in attempts)
    # where, and when
    here = f":{os.getpid()}"
    assert all(record.worker.endswith(here) == (executor == "own thread") for record in attempts)
    took = sum(rtn.timings.getDurationsForName("walltime") or [])
    assert all(0 <= record.start <= record.end <= took for record in rtn.records)


@EACH
def test_an_input_that_cannot_be_read(executor: str, tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    path = job.folder / "in.tif"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(rioserrors.ImageReadError, match=r"in\.tif.* block row \d"):
        run(job, executor, fail_deep_inside)
    assert [record.attempt for record in job.heard.records if record.error] == [1, 2, 3]
