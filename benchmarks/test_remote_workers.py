"""Workers of the network: what they cost the main process, and whether it keeps many busy."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest
import rasterio

from benchmarks import remote
from benchmarks.measure import Board, in_child, timed

#: Side of a block of 1 MiB of floats.
SIDE = 512


@pytest.mark.parametrize("readers", [0, 1])
def test_processor_time_of_the_main_process(
    readers: int, board: Board, measuring: bool, output: Path
) -> None:
    """A block of 1 MiB that comes home, and is written; with readers, it goes out as well."""
    rows, cols = (16, 16) if measuring else (2, 2)
    chosen, figures = remote.style(1, readers), []
    for _ in range(3 if measuring else 1):
        shape = rows * SIDE, cols * SIDE
        job = remote.prepare(remote.floats, output, shape, SIDE, chosen)
        figures.append(1000 * timed(lambda: remote.run(job)).processor / (rows * cols))  # noqa: B023
    source, result = (next(output.glob(f"{name}-*.tif")) for name in ("bytes", "out"))
    with rasterio.open(source) as before, rasterio.open(result) as after:
        np.testing.assert_array_equal(after.read(), before.read().astype("float32"))
    if measuring:
        where = "read by the main process" if readers else "read by the worker"
        name = f"processor time of the main process for a block of 1 MiB, {where}"
        detail = f"TLS, writing included; {min(figures):.2f}-{max(figures):.2f}"
        board.add(name, statistics.median(figures), "ms", None if readers else 6, detail)


def test_64_sleeping_workers_are_busy(board: Board, measuring: bool, output: Path) -> None:
    workers, each = (64, 20) if measuring else (8, 2)
    chosen, shares = remote.style(workers), []
    for _ in range(3 if measuring else 1):
        job = remote.prepare(remote.sleep, output, (workers * 32, each * 32), 32, chosen)
        rtn = remote.run(job, processes=False)
        computed = [record for record in rtn.records if record.stage == "compute"]
        assert len(computed) == workers * each
        took = max(each.end for each in computed) - min(each.start for each in computed)
        shares.append(100 * (1 - 0.2 * each / took))
    if measuring:
        detail = f"{each} blocks of 200 ms each, threads; {min(shares):.1f}-{max(shares):.1f}"
        board.add("idle share of 64 sleeping workers", statistics.median(shares), "%", 20, detail)


@pytest.mark.usefixtures("only_when_measuring")
def test_memory_does_not_grow_with_the_blocks(board: Board) -> None:
    used = {}
    for blocks in (2_000, 20_000):
        measured = in_child("-m", "benchmarks.children", "remote_memory", str(blocks))
        used[blocks] = measured["peak"] - measured["before"]
        detail = f"{measured['before']:.0f} MB before the run"
        board.add(f"peak memory, {blocks} remote blocks", measured["peak"], "MB", 350, detail)
    # records, and what GDAL caches of the output
    growth = 1000 * (used[20_000] - used[2_000]) / 18_000
    board.add("peak memory, for each further remote block", growth, "kB", 1)
