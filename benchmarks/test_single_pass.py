"""Statistics, histogram and pyramids on the fly, against a pipeline that gathers the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.baselines import pipeline, pipeline_with_extras
from benchmarks.jobs import THREADS, complete_job
from benchmarks.measure import Board, compare
from rios_flows import engine

LIMIT = 1.03


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_single_pass(
    dtype: str, benchmark: BenchmarkFixture, board: Board, measuring: bool, output: Path
) -> None:
    job = complete_job(dtype) if measuring else complete_job(dtype, 1100)
    ours, theirs = output / "ours.tif", output / "theirs.tif"
    times = compare(
        benchmark,
        lambda: job.run(engine.apply, THREADS, ours),
        lambda: pipeline_with_extras(job, theirs),
        rounds=7,
    )
    assert_equal(ours, theirs)
    if times is not None:
        benchmark.extra_info["x"] = times.ratio
        name = f"index {dtype} with statistics and pyramids / pipeline that has them"
        board.add(name, times.ratio, "x", LIMIT, str(times))


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_what_the_single_pass_costs_by_hand(
    dtype: str, benchmark: BenchmarkFixture, board: Board, measuring: bool, output: Path
) -> None:
    job = complete_job(dtype) if measuring else complete_job(dtype, 1100)
    times = compare(
        benchmark,
        lambda: pipeline_with_extras(job, output / "with.tif"),
        lambda: pipeline(job, output / "without.tif"),
        rounds=3,
    )
    if times is not None:
        name = f"index {dtype}: pipeline with statistics and pyramids / without"
        board.add(name, times.ratio, "x", None, str(times))


def assert_equal(ours: Path, theirs: Path) -> None:
    with rasterio.open(ours) as first, rasterio.open(theirs) as second:
        assert first.tags(1) == second.tags(1)
        assert first.tags(1)["STATISTICS_HISTOBINVALUES"]
        levels = first.overviews(1)
        assert levels
        assert levels == second.overviews(1)
    for options in ({}, *({"OVERVIEW_LEVEL": index} for index in range(len(levels)))):
        with rasterio.open(ours, **options) as first, rasterio.open(theirs, **options) as second:
            for _, window in first.block_windows(1):
                np.testing.assert_array_equal(
                    first.read(window=window), second.read(window=window), strict=True
                )
