"""Attribute tables as Debian's gdalinfo reads them: another GDAL than the one that wrote them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rat, rioserrors
from rios_flows.rat import ColumnType, ColumnUsage
from tests.support import gdalinfo
from tests.support.rasters import coordinates, write_raster

pytestmark = pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="gdal-bin is missing")

DRIVERS = {"tif": "GTiff", "img": "HFA", "dat": "ENVI"}

#: What HFA calls columns of a usage, and what it takes any other for.
IN_HFA = {1: "Histogram", 2: "Class_Names", 6: "Red", 7: "Green", 8: "Blue", 9: "Opacity"}


@pytest.fixture(params=DRIVERS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    ending = str(request.param)
    pixels = coordinates(1, 9, 9, "uint16")
    return write_raster(tmp_path / f"a.{ending}", pixels, driver=DRIVERS[ending])


def values_of(kind: ColumnType, rows: int) -> list[Any]:
    numbers = np.random.default_rng(rows).integers(-(2**31), 2**31, rows)
    if kind is ColumnType.Integer:
        return [int(number) for number in numbers]
    if kind is ColumnType.Real:
        return [float(number) / 7 for number in numbers]
    return [f"größe <{number}> & so" for number in numbers]


@pytest.mark.parametrize("kind", [ColumnType.Integer, ColumnType.Real, ColumnType.String])
@pytest.mark.parametrize("rows", [0, 1, 256])
def test_every_type_and_length(path: Path, kind: ColumnType, rows: int) -> None:
    values = values_of(kind, rows)
    rat.writeColumn(path, "two words ü", values, colType=kind)
    rat.writeColumn(path, "other", [1] * rows)
    [name, told, usage, cells], _ = gdalinfo.columns(path)
    assert (name, int(told), usage) == ("two words ü", kind, "0")
    convert = {ColumnType.Integer: int, ColumnType.Real: float, ColumnType.String: str}[kind]
    # it prints floats with fewer digits than they have
    assert [convert(cell) for cell in cells] == (
        pytest.approx(values, rel=1e-12) if kind is ColumnType.Real else values
    )


@pytest.mark.parametrize("usage", ColumnUsage)
def test_every_usage(path: Path, usage: ColumnUsage, caplog: pytest.LogCaptureFixture) -> None:
    wanted = usage.name
    if path.suffix == ".img":
        wanted = IN_HFA.get(usage, wanted)
    kind = ColumnType.String if usage is ColumnUsage.Name else ColumnType.Integer
    rat.writeColumn(path, usage.name, ["7"] if kind else [7], colType=kind, colUsage=usage)
    told = {column[0]: column for column in gdalinfo.columns(path)}[wanted]
    kept = rat.getUsageOfColumn(path, wanted)
    assert int(told[2]) == kept
    assert float(told[3][0]) == 7
    if path.suffix != ".img" or usage in IN_HFA:
        assert kept is usage
    else:
        # which a warning says
        assert kept is ColumnUsage.Generic
        assert not usage or "with usage Generic" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["GTiff", "HFA"])
def test_a_million_rows(tmp_path: Path, driver: str) -> None:
    path = write_raster(tmp_path / "a.any", coordinates(1, 9, 9, "uint32"), driver=driver)
    values = np.random.default_rng(1).integers(-(2**31), 2**31, 10**6)
    rat.writeColumn(path, "number", values)
    np.testing.assert_array_equal(rat.readColumn(path, "number"), values)
    cells = np.array(gdalinfo.cells(path), np.int64)
    np.testing.assert_array_equal(cells, values)


def test_columns_of_one_name(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", coordinates(1, 9, 9, "uint16"))
    rat.writeColumn(path, "a", [1, 2])
    rat.writeColumn(path, "b", [3, 4])
    beside = tmp_path / "a.tif.aux.xml"
    beside.write_text(beside.read_text().replace("<Name>b</Name>", "<Name>a</Name>"))
    assert rat.getColumnNames(path) == ["a", "a"]
    assert rat.readColumn(path, "a").tolist() == [1, 2]
    rat.writeColumn(path, "a", [5, 6])
    rat.writeColumn(path, "c", [7, 8])
    assert [[c[0], *c[3]] for c in gdalinfo.columns(path)] == [
        ["a", "5", "6"],
        ["a", "3", "4"],
        ["c", "7", "8"],
    ]


KILLED = """
import os, signal, sys
import numpy as np
from rios_flows import rat
from rios_flows.gdal.tables import Rat

write, calls = Rat.write, []

def die(self, place, start, values):
    calls.append(start)
    if len(calls) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, place, start, values)

Rat.write = die
rat.writeColumn(sys.argv[1], sys.argv[2], np.arange(105_000) / 2)
"""


@pytest.mark.parametrize("column", ["new", "old"])
def test_a_kill_while_hfa_is_written_leaves_the_other_columns(tmp_path: Path, column: str) -> None:
    path = write_raster(tmp_path / "a.img", coordinates(1, 9, 9, "uint16"), driver="HFA")
    for name in ("kept", "old"):
        rat.writeColumn(path, name, np.arange(110_000) / 4)
    # the second write is of the rows that have no value
    command = [sys.executable, "-c", KILLED, str(path), column, "2"]
    assert subprocess.run(command, timeout=60, check=False).returncode == -9
    np.testing.assert_array_equal(rat.readColumn(path, "kept"), np.arange(110_000) / 4)
    rat.writeColumn(path, column, np.arange(110_000))
    np.testing.assert_array_equal(rat.readColumn(path, column), np.arange(110_000))


def test_a_full_disk_leaves_the_old_table(tmp_path: Path) -> None:
    script = (
        "import resource, signal, sys\n"
        "from rios_flows import rat\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "rat.writeColumn(sys.argv[1], 'b', list(range(1000)))\n"
    )
    path = write_raster(tmp_path / "a.tif", coordinates(1, 9, 9, "uint16"))
    rat.writeColumn(path, "a", [1, 2])
    done = subprocess.run(
        [sys.executable, "-c", script, path], timeout=60, check=False, capture_output=True
    )
    assert done.returncode == 1
    assert rioserrors.ImageWriteError.__name__.encode() in done.stderr
    assert b"which is as it was" in done.stderr
    assert rat.getColumnNames(path) == ["a"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif", "a.tif.aux.xml"]
