"""Files whose tiles are no windows: nothing may be decoded twice, as GDAL's own cache sees to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.baselines import loop_with_gdals_cache, pipeline_with_gdals_cache
from benchmarks.jobs import ONE_LOOP, THREADS, Job, mean_job
from benchmarks.measure import Board, compare
from benchmarks.test_engine import assert_equal
from rios_flows import engine
from rios_flows.controls.concurrency import ConcurrencyStyle

LIMIT = 1.15


@pytest.mark.parametrize(("window", "tile"), [(256, 1024), (512, None)], ids=["tiles", "strips"])
@pytest.mark.parametrize(
    ("style", "baseline"),
    [(ONE_LOOP, loop_with_gdals_cache), (THREADS, pipeline_with_gdals_cache)],
    ids=["CW_NONE / loop", "2 + 2 threads / pipeline"],
)
def test_windows_that_are_no_tiles(
    window: int,
    tile: int | None,
    style: ConcurrencyStyle,
    baseline: Callable[[Job, Path], None],
    benchmark: BenchmarkFixture,
    board: Board,
    measuring: bool,
    output: Path,
    request: pytest.FixtureRequest,
) -> None:
    job = mean_job(window, tile) if measuring else mean_job(window, tile, 1100, 3)
    ours, theirs = output / "ours.tif", output / "theirs.tif"
    times = compare(
        benchmark,
        lambda: job.run(engine.apply, style, ours),
        lambda: baseline(job, theirs),
        rounds=5,
    )
    assert_equal(ours, theirs)
    if times is not None:
        name = f"windows that are no tiles [{request.node.callspec.id}]"
        board.add(name, times.ratio, "x", LIMIT, str(times))
