"""The engine against what one writes by hand, in turns in one process."""

from __future__ import annotations

from collections.abc import Callable
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
from rios_flows.concurrency import ConcurrencyStyle

BLOCKS = 4096


class Case(NamedTuple):
    """A job in a style of the engine, and what it is measured against."""

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


RATIOS = {
    "index, 2 + 2 threads / pipeline": Case(make_index, THREADS, pipeline, 1.10),
    "index, CW_NONE / loop": Case(make_index, ONE_LOOP, loop, 1.05),
    "stack, 2 + 2 threads / pipeline": Case(make_stack, THREADS, pipeline, 1.05),
    "stack, CW_NONE / loop": Case(make_stack, ONE_LOOP, loop, 1.05),
}
# milliseconds per block over the loop
EXTRAS = {
    "tiny blocks, CW_NONE - loop": Case(make_tiny, ONE_LOOP, loop, 0.05),
    "tiny blocks, 2 + 2 threads - loop": Case(make_tiny, THREADS, loop, 0.15),
}


@pytest.mark.parametrize("name", RATIOS)
def test_time_as_a_ratio(
    name: str, benchmark: BenchmarkFixture, board: Board, measuring: bool, output: Path
) -> None:
    case = RATIOS[name]
    job, ours, theirs = case.make(measuring), output / "ours.tif", output / "theirs.tif"

    def run() -> None:
        job.run(engine.apply, case.style, ours)

    if not measuring:
        run()
        case.baseline(job, theirs)
    else:
        times = compare(benchmark, run, lambda: case.baseline(job, theirs), rounds=5)
        benchmark.extra_info["ratio"] = times.ratio
        board.add(name, times.ratio, "x", case.limit, str(times))
    assert_equal(ours, theirs)


@pytest.mark.parametrize("name", EXTRAS)
def test_time_per_tiny_block(
    name: str, benchmark: BenchmarkFixture, board: Board, measuring: bool, output: Path
) -> None:
    case = EXTRAS[name]
    job, ours, theirs = case.make(measuring), output / "ours.tif", output / "theirs.tif"

    def run() -> None:
        job.run(engine.apply, case.style, ours)

    if not measuring:
        run()
        case.baseline(job, theirs)
    else:
        times = compare(benchmark, run, lambda: case.baseline(job, theirs), rounds=9)
        extra = times.difference / BLOCKS * 1e3
        benchmark.extra_info["extra_ms_per_block"] = extra
        board.add(name, extra, "ms/block", case.limit, str(times))
    assert_equal(ours, theirs)


def assert_equal(ours: Path, theirs: Path) -> None:
    with rasterio.open(ours) as first, rasterio.open(theirs) as second:
        for _, window in first.block_windows(1):
            np.testing.assert_array_equal(
                first.read(window=window), second.read(window=window), strict=True
            )
