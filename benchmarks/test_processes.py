"""Compute workers as processes: against threads, against two processes made by hand, and alone."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio
from pytest_benchmark.fixture import BenchmarkFixture
from rasterio.windows import Window

from benchmarks.jobs import ONE_LOOP, THREADS, Job, index_job, tiny_job
from benchmarks.measure import Board, compare, timed
from benchmarks.scenes import tiny_tiles
from benchmarks.test_engine import assert_equal
from rios_flows import engine
from rios_flows.controls.concurrency import CW_SUBPROC, ConcurrencyStyle

READ_HERE = ConcurrencyStyle(
    numReadWorkers=2, numComputeWorkers=2, computeWorkerKind=CW_SUBPROC, computeBarrierTimeout=60
)
WORKERS_READ = ConcurrencyStyle(
    numComputeWorkers=2,
    computeWorkerKind=CW_SUBPROC,
    computeWorkersRead=True,
    computeBarrierTimeout=60,
)

#: Opened by each process that is made by hand.
_source: Any = None

#: How long the user function holds Python's lock for each block (s).
HELD = 0.05


class Case(NamedTuple):
    """A style, and how many times as long as two readers and two threads it may take."""

    style: ConcurrencyStyle
    limit: float


CASES = {
    "index, 2 processes that read / 2 + 2 threads": Case(WORKERS_READ, 1.2),
    "index, 2 readers + 2 processes / 2 + 2 threads": Case(READ_HERE, 1.5),
}


@pytest.mark.parametrize("name", CASES)
def test_against_threads(
    name: str, benchmark: BenchmarkFixture, board: Board, measuring: bool, output: Path
) -> None:
    case = CASES[name]
    job = index_job() if measuring else index_job(1100)
    ours, theirs = output / "ours.tif", output / "theirs.tif"
    times = compare(
        benchmark,
        lambda: job.run(engine.apply, case.style, ours),
        lambda: job.run(engine.apply, THREADS, theirs),
        rounds=7,
    )
    assert_equal(ours, theirs)
    if times is not None:
        board.add(name, times.ratio, "x", case.limit, str(times))


def hold_the_lock(arrays: Any) -> Any:
    """Double the pixels, and do for a while what no other thread can do meanwhile."""
    end = time.perf_counter() + HELD
    while time.perf_counter() < end:
        sum(range(1000))
    return arrays[0] * 2


def hold_the_lock_in_a_block(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = hold_the_lock([inputs.source])


def by_hand(job: Job, target: Path) -> None:
    """Have two processes read and compute, and write what they send."""
    with rasterio.open(job.files[0]) as source:
        profile = source.profile | {"driver": "GTiff", "count": 1, **job.creation}
        windows = list(_windows(source.width, source.height, job.window))
    context = multiprocessing.get_context("spawn")
    with (
        context.Pool(2, _open, (job.files[0],)) as pool,
        rasterio.open(target, "w", **profile) as out,
    ):
        for window, pixels in pool.imap_unordered(_compute, windows):
            out.write(pixels, window=window)


def _windows(width: int, height: int, size: int) -> Iterator[Window]:
    for row in range(0, height, size):
        for col in range(0, width, size):
            yield Window(col, row, min(size, width - col), min(size, height - row))


def _open(path: Path) -> None:
    global _source
    _source = rasterio.open(path)


def _compute(window: Window) -> tuple[Window, Any]:
    return window, hold_the_lock([_source.read(window=window)])


@pytest.mark.parametrize(("blocks", "limit", "rounds"), [(64, 1.5, 5), (640, 1.05, 2)])
def test_a_function_that_holds_pythons_lock(
    blocks: int, limit: float, rounds: int,
    benchmark: BenchmarkFixture, board: Board, measuring: bool, output: Path,
) -> None:  # fmt: skip
    side = 64 * int(np.sqrt(blocks)) if measuring else 128
    job = Job(
        kernel=hold_the_lock,
        function=hold_the_lock_in_a_block,
        files=[tiny_tiles(side)],
        bands=[1],
        dtype="uint16",
        window=64,
        creation={"COMPRESS": "NONE", "TILED": "YES", "BLOCKXSIZE": "64", "BLOCKYSIZE": "64"},
    )
    ours, theirs = output / "ours.tif", output / "theirs.tif"
    times = compare(
        benchmark,
        lambda: job.run(engine.apply, WORKERS_READ, ours),
        lambda: by_hand(job, theirs),
        rounds=rounds if measuring else 1,
    )
    assert_equal(ours, theirs)
    if times is not None:
        name = f"{HELD * 1000:.0f} ms with Python's lock, {blocks} blocks / two processes by hand"
        board.add(name, times.ratio, "x", limit, str(times))


@pytest.mark.usefixtures("only_when_measuring")
def test_start_and_tiny_blocks(board: Board, output: Path) -> None:
    tiny, one = tiny_job(4096), tiny_job(64)

    def seconds(job: Job, style: ConcurrencyStyle, rounds: int) -> list[float]:
        run: Callable[[], Any] = lambda: job.run(engine.apply, style, output / "out.tif")  # noqa: E731
        return [timed(run).wall for _ in range(rounds + 1)][1:]

    alone = statistics.median(seconds(one, ONE_LOOP, 7))
    for name, style in {"that read": WORKERS_READ, "and 2 readers": READ_HERE}.items():
        starting = statistics.median(seconds(one, style, 7)) - alone
        board.add(f"start and end of 2 processes {name}", starting, "s", 1.0)
        blocks = (4096 // tiny.window) ** 2
        many = seconds(tiny, style, 5)
        each = (statistics.median(many) - starting - alone) / blocks * 1000
        detail = f"{blocks} blocks of 64 x 64 in {statistics.median(many):.2f} s"
        board.add(f"a tiny block, 2 processes {name}", each, "ms", 0.35, detail)
