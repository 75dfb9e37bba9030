"""One change of a raster at a time, also between processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import calcstats, engine, rat
from rios_flows.controls.controls import ApplierControls
from rios_flows.files.changelock import one_change
from rios_flows.files.keptrows import rows_kept
from rios_flows.files.statistics import _measure
from rios_flows.files.tables import changing_table
from rios_flows.gdal.tabletypes import Column, ColumnType, ColumnUsage
from rios_flows.structures import FilenameAssociations
from tests.support.rasters import coordinates, write_raster

WRITER = """
import sys
from rios_flows import calcstats, engine, rat

for number in range(12):
    rat.writeColumn(sys.argv[1], f"{sys.argv[2]}{number}", [number] * 300)
"""


@pytest.fixture(params=["GTiff", "HFA"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_raster(tmp_path / "a.any", coordinates(1, 9, 9, "uint16"), driver=request.param)


def test_processes_lose_no_column_of_each_other(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, letter]) for letter in ("a", "b")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    wanted = [f"{letter}{number}" for letter in ("a", "b") for number in range(12)]
    assert sorted(rat.getColumnNames(path)) == sorted(wanted)
    for name in wanted:
        assert rat.readColumn(path, name).tolist() == [int(name[1:])] * 300


def test_another_thread_waits_and_the_same_one_does_not(path: Path) -> None:
    seen = []

    def change() -> None:
        with one_change(str(path)):
            seen.append("other")

    with changing_table(path), one_change(path):
        other = threading.Thread(target=change)
        other.start()
        other.join(0.2)
        assert other.is_alive()
        seen.append("this")
    other.join(60)
    assert seen == ["this", "other"]


def test_a_raster_that_is_replaced_meanwhile(path: Path, tmp_path: Path) -> None:
    new = write_raster(tmp_path / "new.tif", coordinates(1, 9, 9, "uint8"))
    with one_change(path):
        other = threading.Thread(target=rat.writeColumn, args=(path, "a", np.arange(3)))
        other.start()
        other.join(0.1)
        os.replace(new, path)
    other.join(60)
    assert rat.readColumn(path, "a").tolist()[:3] == [0, 1, 2]


def test_nothing_is_left_behind(path: Path, tmp_path: Path) -> None:
    before = set(os.listdir(tmp_path)) | {"a.any.aux.xml"}
    rat.writeColumn(path, "a", [1])
    assert set(os.listdir(tmp_path)) <= before
    with rasterio.open(path) as dataset, one_change(dataset), one_change("no such file"):
        pass


def publish(image: Path, out: Path, value: int) -> None:
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image, outfiles.classes = image, out
    controls.setThematic(True)

    def times(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.classes = inputs.image * value

    engine.apply(times, infiles, outfiles, controls=controls)


@pytest.fixture
def published(tmp_path: Path) -> tuple[Path, threading.Thread]:
    """Return an output of ones, and what is to put twos in its place."""
    image = write_raster(tmp_path / "in.tif", np.ones((1, 9, 9), "uint8"))
    out = tmp_path / "out.tif"
    publish(image, out, 1)
    return out, threading.Thread(target=publish, args=[image, out, 2])


def test_a_run_publishes_after_a_change_of_the_old_raster(
    published: tuple[Path, threading.Thread],
) -> None:
    out, run = published
    with changing_table(out) as table:
        run.start()
        run.join(1)
        assert run.is_alive()
        table.need(Column("mine", ColumnType.Integer, ColumnUsage.Generic))
    run.join(60)
    # not the counts of the old pixels beside the new ones
    assert rat.readColumn(out, "Histogram").tolist()[:3] == [0, 0, 81]


def test_a_run_publishes_after_statistics_of_the_old_raster(
    published: tuple[Path, threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, run = published

    def measure(*given: Any) -> Any:
        found = _measure(*given)
        run.start()
        run.join(1)
        return found

    monkeypatch.setattr("rios_flows.files.statistics._measure", measure)
    calcstats.addStatistics(out)
    run.join(60)
    with rasterio.open(out) as dataset:
        assert dataset.tags(1)["STATISTICS_MAXIMUM"] == "2"


def test_statistics_cut_off_no_rows_of_others(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rat.writeColumn(path, "a", range(3000))
    other = threading.Thread(target=rat.writeColumn, args=(path, "b", range(3000)))

    @contextmanager
    def kept(*given: Any) -> Iterator[None]:
        with rows_kept(*given):
            # it knows of one column by now
            other.start()
            other.join(0.5)
            yield

    monkeypatch.setattr("rios_flows.files.statistics.rows_kept", kept)
    calcstats.calcStats(path)
    other.join(60)
    for name in ("a", "b"):
        assert rat.readColumn(path, name).tolist() == list(range(3000))
