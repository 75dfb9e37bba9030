"""A worker of its own for each block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows.rioserrors import ParameterError
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from tests.support.jobs import SmallJob


def note_process(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    import os

    outputs.result = inputs.image * 2
    other["processes"].append(os.getpid())


def test_how_many_at_a_time_is_all_that_local_workers_take(tmp_path: Path) -> None:
    style = ConcurrencyStyle(
        computeWorkerKind=CW_SUBPROC,
        singleBlockComputeWorkers=True,
        computeWorkersRead=True,
        computeWorkerExtraParams={"maxJobs": 1},
    )
    job = SmallJob(tmp_path, style)
    job.controls.setWindowSize(128, 64)
    result = job.run(note_process, {"processes": []})
    assert len(result.otherArgsList) == 1
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    job.style.computeWorkerExtraParams = {"maxJobs": 1, "ports": 30000}
    with pytest.raises(ParameterError, match="takes no 'ports': leave it out; it takes maxJobs"):
        job.run(note_process, {"processes": []})


def test_each_block_has_a_process_of_its_own(tmp_path: Path) -> None:
    style = ConcurrencyStyle(
        computeWorkerKind=CW_SUBPROC, singleBlockComputeWorkers=True, computeWorkersRead=True
    )
    job = SmallJob(tmp_path, style)
    job.controls.setWindowSize(64, 64)
    result = job.run(note_process, {"processes": []})
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    processes = [each for other in result.otherArgsList for each in other["processes"]]
    assert len(set(processes)) == len(processes) == 4
