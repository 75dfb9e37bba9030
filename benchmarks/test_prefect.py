"""What the Prefect shell adds to the engine, with a server running on loopback."""

from __future__ import annotations

import statistics

import pytest

from benchmarks import scenes
from benchmarks.measure import Board, Comparison, in_child

ROUNDS = 5


@pytest.mark.usefixtures("only_when_measuring")
def test_through_prefect(board: Board, server: str) -> None:
    scenes.scene(8192)
    measured = in_child(
        "-m", "benchmarks.children", "prefect", str(ROUNDS), environment={"PREFECT_API_URL": server}
    )
    times = Comparison(measured["prefect"], measured["engine"])
    # from the call of apply to its return: within 1.03 x the engine + 1.5 s
    beyond = statistics.median(times.ours) - 1.03 * statistics.median(times.baseline)
    board.add("index through Prefect, beyond 1.03 x the engine", beyond, "s", 1.5, str(times))
