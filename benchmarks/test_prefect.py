"""What the Prefect shell adds to the engine, with a server running on loopback."""

from __future__ import annotations

import statistics

import pytest

from benchmarks import scenes
from benchmarks.measure import Board, Comparison, count_on_server, in_child

ROUNDS = 5


@pytest.mark.usefixtures("only_when_measuring")
def test_through_prefect(board: Board, server: str) -> None:
    scenes.scene(8192)
    before = {kind: count_on_server(server, kind) for kind in ("flow_runs", "artifacts")}
    measured = in_child(
        "-m", "benchmarks.children", "prefect", str(ROUNDS), environment={"PREFECT_API_URL": server}
    )
    made = {kind: count_on_server(server, kind) - before[kind] for kind in before}
    # the round that does not count made some, too: progress, summary and table of each run
    assert made == {"flow_runs": ROUNDS + 1, "artifacts": 3 * (ROUNDS + 1)}
    times = Comparison(measured["prefect"], measured["engine"])
    # from the call of apply to its return: within 1.03 x the engine + 1.5 s
    beyond = statistics.median(times.ours) - 1.03 * statistics.median(times.baseline)
    board.add("index through Prefect, beyond 1.03 x the engine", beyond, "s", 1.5, str(times))
