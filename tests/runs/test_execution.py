"""Running lanes in threads, and what a run does with lanes that fail, or that were not run."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows.runs.execution import execute, run_in_threads
from tests.support.jobs import BLOCKS, SmallJob, double, lanes_alive
from tests.support.styles import STYLES


class Lane:
    """Notes in which thread it ran and what it was told of."""

    def __init__(self, name: str, error: BaseException | None = None) -> None:
        self.name, self.error = name, error
        self.thread = ""
        self.failures: list[BaseException] = []

    def run(self) -> None:
        self.thread = threading.current_thread().name
        if self.error is not None:
            raise self.error

    def fail(self, error: BaseException) -> None:
        self.failures.append(error)


def run(*lanes: Any) -> None:
    run_in_threads(lanes)


def test_the_last_lane_runs_here_and_each_other_in_its_own_thread() -> None:
    lanes = [Lane("read-0"), Lane("compute-0"), Lane("write")]
    run(*lanes)
    here = threading.current_thread().name
    assert [lane.thread for lane in lanes] == ["read-0", "compute-0", here]


def test_the_error_of_another_lane_is_for_the_run_to_raise() -> None:
    bad, last = Lane("read-0", ValueError("no")), Lane("write")
    run(bad, last)
    assert last.thread
    assert last.failures == []


def test_an_interruption_of_the_last_lane_is_told_and_goes_on() -> None:
    error = KeyboardInterrupt()
    first, last = Lane("read-0"), Lane("write", error)
    with pytest.raises(KeyboardInterrupt):
        run(first, last)
    assert last.failures == [error]
    assert first.thread == "read-0"


@pytest.mark.parametrize("style", STYLES)
def test_a_job_leaves_its_output_and_what_is_to_be_known(tmp_path: Path, style: str) -> None:
    job = SmallJob(tmp_path, STYLES[style])
    result = execute(job.prepare(double), listeners=[job.heard])
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    assert job.heard.steps[-1] == (BLOCKS, BLOCKS)
    assert job.heard.ends == [None]
    assert len(result.records) == 3 * BLOCKS
    assert result.workinggrid.getDimensions() == (80, 100)
    assert result.timings.makeSummaryDict()["walltime"]["N"] == 1
    assert lanes_alive() == []


def test_lanes_that_were_not_run_leave_the_old_output(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    with pytest.raises(RuntimeError, match="not every lane was run"):
        execute(job.prepare(double), lambda lanes: None, [job.heard])
    assert job.files() == job.before
    [error] = job.heard.ends
    assert isinstance(error, RuntimeError)


def test_an_interruption_from_outside_leaves_the_old_output(tmp_path: Path) -> None:
    def interrupt(lanes: Any) -> None:
        raise KeyboardInterrupt

    job = SmallJob(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        execute(job.prepare(double), interrupt, [job.heard])
    assert job.files() == job.before
