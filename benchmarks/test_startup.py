"""How long until something happens: imports, and a script's first block."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from benchmarks import scenes
from benchmarks.measure import Board, Comparison, count_on_server, in_child

IMPORT = """
import json, sys, time
begin = time.perf_counter()
import {modules}
print(json.dumps({{"seconds": time.perf_counter() - begin, "modules": list(sys.modules)}}))
"""
HEAVY = {"prefect", "dask", "distributed", "boto3", "matplotlib"}
ROUNDS = 11

pytestmark = pytest.mark.usefixtures("only_when_measuring")


@pytest.mark.parametrize("module", ["rios_flows", "rios_flows.engine", "rios_flows.applier"])
def test_import(board: Board, module: str) -> None:
    ours, baseline, loaded = [], [], set[str]()
    for _ in range(ROUNDS):
        bare = in_child("-c", IMPORT.format(modules="rasterio, numpy"))
        measured = in_child("-c", IMPORT.format(modules=module))
        baseline.append(bare["seconds"])
        ours.append(measured["seconds"])
        # rasterio itself imports boto3 where that is installed
        loaded.update(set(measured["modules"]) - set(bare["modules"]))
    heavy = loaded & HEAVY
    assert not heavy
    times = Comparison(ours, baseline)
    detail = " against ".join(f"{statistics.median(t) * 1e3:.0f} ms" for t in (ours, baseline))
    board.add(f"import {module} / import rasterio, numpy", times.ratio, "x", 1.5, detail)


def test_first_block_with_a_server_running(board: Board, server: str, output: Path) -> None:
    before = count_on_server(server, "flow_runs")
    runs = [first_block(output, {"PREFECT_API_URL": server}) for _ in range(3)]
    assert count_on_server(server, "flow_runs") - before == len(runs)
    board.add("first block, server running", statistics.median(runs), "s", 5, listed(runs))


def test_first_block_on_the_embedded_server(board: Board, output: Path, tmp_path: Path) -> None:
    home = {"PREFECT_HOME": str(tmp_path)}
    fresh = first_block(output, home)
    board.add("first block, embedded server, its database new", fresh, "s")
    runs = [first_block(output, home) for _ in range(3)]
    board.add("first block, embedded server", statistics.median(runs), "s", 12, listed(runs))


def first_block(output: Path, environment: dict[str, str]) -> float:
    """Start a script; return how long it took to its first block (s)."""
    script, source = str(Path(__file__).with_name("first_block.py")), str(scenes.scene(1100))
    target = str(output / "result.tif")
    return float(in_child(script, source, target, environment=environment)["first block"])


def listed(times: list[float]) -> str:
    return ", ".join(f"{time:.1f} s" for time in times)
