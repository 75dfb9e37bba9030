"""Local workers start while the job is planned, and are gone where it is refused."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from rios_flows import engine, rioserrors
from rios_flows.structures import CW_SUBPROC, ApplierReturn, ConcurrencyStyle
from rios_flows.workers import hiring
from rios_flows.workers.crew import Crew
from tests.support.jobs import SmallJob, double

STYLE = ConcurrencyStyle(0, 2, CW_SUBPROC, computeWorkersRead=True)


def children() -> set[psutil.Process]:
    return set(psutil.Process().children())


def apply(job: SmallJob) -> ApplierReturn:
    return engine.apply(double, job.infiles, job.outfiles, controls=job.controls)


def test_workers_start_while_the_job_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, began = children(), []
    prepare, starting = engine.prepare, hiring.starting

    def slowly(*arguments: Any) -> engine.Job:
        began.append(len(children() - before))
        return prepare(*arguments)

    monkeypatch.setattr(engine, "prepare", slowly)
    calls: list[ConcurrencyStyle] = []

    def noted(style: ConcurrencyStyle) -> AbstractContextManager[Crew]:
        calls.append(style)
        return starting(style)

    monkeypatch.setattr(hiring, "starting", noted)
    job = SmallJob(tmp_path, STYLE)
    apply(job)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    # and they are the ones that work
    assert len(calls) == 1
    assert began[0] >= 2
    assert children() <= before


def test_a_job_that_is_refused_leaves_no_worker(tmp_path: Path) -> None:
    before = children()
    job = SmallJob(tmp_path, STYLE)
    job.infiles.image = tmp_path / "missing.tif"
    start = time.monotonic()
    with pytest.raises(rioserrors.FileOpenError, match=r"missing\.tif"):
        apply(job)
    assert time.monotonic() - start < 30
    assert children() <= before


def test_a_style_that_has_become_wrong_starts_nobody(tmp_path: Path) -> None:
    before = children()
    job = SmallJob(tmp_path, ConcurrencyStyle(0, 2, CW_SUBPROC, computeWorkersRead=True))
    job.controls.concurrency.numComputeWorkers = 0
    with pytest.raises(rioserrors.ParameterError, match="asks for no worker"):
        apply(job)
    assert children() <= before


def test_a_directory_that_does_not_take_the_address(tmp_path: Path) -> None:
    with pytest.raises(rioserrors.FileOpenError, match=r"gone.*: No such file.*setTempdir"):
        hiring._secret(tmp_path / "gone", "host,30000,key")
