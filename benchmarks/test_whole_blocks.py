"""Windows that are no blocks of the output: these are put together, and compressed once."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.baselines import gathering_pipeline
from benchmarks.jobs import THREADS, unaligned_job
from benchmarks.measure import Board, compare
from benchmarks.test_engine import assert_equal
from rios_flows import engine

LIMIT = 1.05


@pytest.mark.parametrize("tiled", [True, False], ids=["tiles", "strips"])
def test_windows_put_together(
    tiled: bool,
    benchmark: BenchmarkFixture,
    board: Board,
    measuring: bool,
    output: Path,
    request: pytest.FixtureRequest,
) -> None:
    job = unaligned_job(tiled) if measuring else unaligned_job(tiled, 600)
    ours, theirs = output / "ours.tif", output / "theirs.tif"
    times = compare(
        benchmark,
        lambda: job.run(engine.apply, THREADS, ours),
        lambda: gathering_pipeline(job, theirs),
        rounds=5,
    )
    assert_equal(ours, theirs)
    if times is not None:
        name = f"JPEG 2000, windows of 100, 2 + 2 threads / pipeline [{request.node.callspec.id}]"
        board.add(name, times.ratio, "x", LIMIT, str(times))
