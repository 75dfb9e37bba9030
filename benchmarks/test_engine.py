"""The engine against what one writes by hand, in turns in one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import rasterio
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.baselines import loop, pipeline
from benchmarks.jobs import ONE_LOOP, THREADS, Job, index_job, stack_job, tiny_job
from benchmarks.measure import Board, compare
from rios_flows import engine
from rios_flows.controls.concurrency import ConcurrencyStyle


class Case(NamedTuple):
    """A job in a style of the engine, its baseline, and how many times as long it may take."""

    make: Callable[[bool], Job]
    style: ConcurrencyStyle
    baseline: Callable[[Job, Path], None]
    limit: float


def make_index(full: bool) -> Job:
    return index_job() if full else index_job(1100)


def make_stack(full: bool) -> Job:
    return stack_job() if full else stack_job(600, 5)


def make_tiny(full: bool) -> Job:
    return tiny_job() if full else tiny_job(512)


def make_tiny_in_strips(full: bool) -> Job:
    return replace(make_tiny(full), creation={"COMPRESS": "NONE"})


CASES = {
    "index, 2 + 2 threads / pipeline": Case(make_index, THREADS, pipeline, 1.10),
    "index, CW_NONE / loop": Case(make_index, ONE_LOOP, loop, 1.05),
    "stack, 2 + 2 threads / pipeline": Case(make_stack, THREADS, pipeline, 1.05),
    "stack, CW_NONE / loop": Case(make_stack, ONE_LOOP, loop, 1.05),
    "tiny blocks, CW_NONE / loop": Case(make_tiny, ONE_LOOP, loop, 1.4),
    "tiny blocks, 2 + 2 threads / loop": Case(make_tiny, THREADS, loop, 3.5),
    "tiny blocks in strips, CW_NONE / loop": Case(make_tiny_in_strips, ONE_LOOP, loop, 1.4),
    "tiny blocks in strips, 2 + 2 threads / loop": Case(make_tiny_in_strips, THREADS, loop, 3.5),
}


@pytest.mark.parametrize("name", CASES)
def test_engine(
    name: str, benchmark: BenchmarkFixture, board: Board, measuring: bool, output: Path
) -> None:
    case = CASES[name]
    job, ours, theirs = case.make(measuring), output / "ours.tif", output / "theirs.tif"
    times = compare(
        benchmark,
        lambda: job.run(engine.apply, case.style, ours),
        lambda: case.baseline(job, theirs),
        rounds=7,
    )
    assert_equal(ours, theirs)
    if times is not None:
        benchmark.extra_info["ratio"] = times.ratio
        board.add(name, times.ratio, "x", case.limit, str(times))


def assert_equal(ours: Path, theirs: Path) -> None:
    with rasterio.open(ours) as first, rasterio.open(theirs) as second:
        for _, window in first.block_windows(1):
            np.testing.assert_array_equal(
                first.read(window=window), second.read(window=window), strict=True
            )
