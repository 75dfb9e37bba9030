"""A worker of its own for each block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from tests.support.jobs import SmallJob


def note_process(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    import os

    outputs.result = inputs.image * 2
    other["processes"].append(os.getpid())


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
