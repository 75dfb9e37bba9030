"""Attribute tables of millions of rows: read, compute and write, against Debian's osgeo."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.measure import ROOT, Board
from rios_flows.files.tables import changing_table
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage
from tests.support.rasters import coordinates, write_raster

ROWS = 10_000_000
#: Times of osgeo's loop; what limits it is in the decision.
LIMIT = 1.2
DEBIAN = "/usr/bin/python3"

pytestmark = pytest.mark.usefixtures("only_when_measuring")


def table(path: Path, rows: int) -> Path:
    write_raster(path, coordinates(1, 40, 30, "uint16"), driver="HFA")
    with changing_table(path) as made:
        made.set_rows(rows)
        for name, kind in (("number", ColumnType.Integer), ("area", 1), ("mean", 1)):
            made.need(Column(name, ColumnType(kind), ColumnUsage.Generic))
        for start in range(0, rows, 1_000_000):
            numbers = np.arange(start, min(start + 1_000_000, rows))
            for name, values in (("number", numbers), ("area", numbers / 2), ("mean", numbers / 7)):
                made.write(name, values, start)
    return path


def run(python: str, who: str, source: Path) -> dict[str, Any]:
    path = source.with_name("copy.img")
    shutil.copy(source, path)
    command = [python, "-m", "benchmarks.table_loop", who, str(path)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_three_columns(board: Board, tmp_path: Path) -> None:
    large, small = table(tmp_path / "large.img", ROWS), table(tmp_path / "small.img", ROWS // 10)
    ours, at_once, theirs = [], [], []
    has_osgeo = not subprocess.run([DEBIAN, "-c", "import osgeo"], capture_output=True).returncode
    for _ in range(5):
        ours.append(run(sys.executable, "ours", large))
        at_once.append(run(sys.executable, "at_once", large))
        if has_osgeo:
            theirs.append(run(DEBIAN, "osgeo", large))
    baseline = _median(theirs) if has_osgeo else None
    _compare(board, "10 million rows x 3 columns of HFA", _median(ours), baseline, LIMIT)
    _compare(board, "the same, written at once", _median(at_once), baseline, LIMIT)
    for who, results in (("ours", ours), ("at_once", at_once)):
        memory = results[0]["mib"] - run(sys.executable, who, small)["mib"]
        board.add(f"memory for ten times the rows ({who})", memory, "MiB", 10)


def _median(results: list[dict[str, Any]]) -> float:
    return float(statistics.median(result["seconds"] for result in results))


def _compare(board: Board, what: str, seconds: float, baseline: float | None, limit: float) -> None:
    board.add(what, seconds, "s")
    if baseline is not None:
        board.add(f"{what} / osgeo", seconds / baseline, "x", limit, f"{baseline:.2f} s")
