"""Peak resident memory of the engine's process: flat in the raster's size, and in its blocks."""

from __future__ import annotations

import pytest

from benchmarks import scenes
from benchmarks.measure import Board, in_child


@pytest.mark.usefixtures("only_when_measuring")
def test_memory_does_not_grow_with_the_raster(board: Board) -> None:
    peaks = {}
    for size in (8192, 16384):
        scenes.scene(size)
        measured = in_child("-m", "benchmarks.children", "memory", str(size))
        peaks[size] = measured["peak"]
        detail = f"{measured['before']:.0f} MB before the run"
        board.add(f"peak memory, {size} x {size}", measured["peak"], "MB", 350, detail)
    growth = abs(peaks[16384] / peaks[8192] - 1)
    board.add("peak memory, difference between the two", 100 * growth, "%", 10)


@pytest.mark.usefixtures("only_when_measuring")
@pytest.mark.parametrize("style", ["none", "threads", "processes"])
def test_memory_hardly_grows_with_the_blocks(board: Board, style: str) -> None:
    scenes.tiny_tiles(5120)
    peaks = {}
    for window in (64, 16):
        measured = in_child("-m", "benchmarks.children", "blocks_memory", str(window), style)
        blocks = (5120 // window) ** 2
        peaks[blocks] = measured["peak"]
        detail = f"{measured['before']:.0f} MB before the run"
        board.add(f"peak memory, {style}, {blocks} blocks", measured["peak"], "MB", 350, detail)
    (few, before), (many, after) = peaks.items()
    board.add(f"the same, {style}, {many} blocks / {few} blocks", after / before, "x", 1.3)
    # three records and their timings; threads time their waits as well
    growth = 1e6 * (after - before) / (many - few)
    board.add(f"peak memory, {style}, for each further block", growth, "bytes", 250)
