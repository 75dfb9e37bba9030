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
    ours, theirs = [], []
    has_osgeo = not subprocess.run([DEBIAN, "-c", "import osgeo"], capture_output=True).returncode
    for _ in range(5):
        ours.append(run(sys.executable, "ours", large))
        if has_osgeo:
            theirs.append(run(DEBIAN, "osgeo", large))
    seconds = statistics.median(result["seconds"] for result in ours)
    board.add("10 million rows x 3 columns of HFA", seconds, "s")
    if has_osgeo:
        baseline = statistics.median(result["seconds"] for result in theirs)
        # no limit: what it costs that no table changes before the function has seen all rows
        board.add("the same / osgeo", seconds / baseline, "x", None, f"{baseline:.2f} s")
    memory = ours[0]["mib"] - run(sys.executable, "ours", small)["mib"]
    board.add("memory for ten times the rows", memory, "MiB", 10)
