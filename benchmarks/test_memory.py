"""Peak resident memory of the engine's process, which must not grow with the raster."""

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
