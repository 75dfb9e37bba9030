"""Attribute tables under any order of changes, compared with numpy; and a kill while writing."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from rios_flows import rat
from rios_flows.files.tables import changing_table, reading_table
from tests.support.rasters import coordinates, write_raster

KINDS: dict[str, np.dtype[Any]] = {
    "whole": np.dtype(np.int64),
    "real": np.dtype(np.float64),
    "text": np.dtype(np.bytes_),
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "whole": st.integers(-(2**31), 2**31 - 1),
    "real": st.floats(allow_nan=False),
    "text": st.text("ab é", max_size=5).map(str.encode),
}


class Tables(RuleBasedStateMachine):
    """A table, and columns of numpy that go through the same."""

    driver: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = write_raster(
            self.folder / "a.dat", coordinates(1, 9, 9, "uint16"), driver=self.driver
        )
        self.rows, self.columns = 0, dict[str, list[Any]]()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(name=st.sampled_from([*KINDS]), data=st.data())
    def write(self, name: str, data: st.DataObject) -> None:
        values = data.draw(st.lists(VALUES[name], max_size=12))
        cells = np.array(values, KINDS[name])
        rat.writeColumn(self.path, name, cells)
        self._grow(len(values))
        blank = b"" if name == "text" else 0
        self.columns[name] = values + [blank] * (self.rows - len(values))

    @precondition(lambda self: self.columns)
    @rule(more=st.integers(0, 9))
    def lengthen(self, more: int) -> None:
        with changing_table(self.path) as table:
            table.set_rows(table.rows + more)
        self._grow(self.rows + more)

    @rule(name=st.sampled_from([*KINDS]), data=st.data())
    def write_slice(self, name: str, data: st.DataObject) -> None:
        if name not in self.columns:
            return
        start = data.draw(st.integers(0, self.rows))
        values = data.draw(st.lists(VALUES[name], max_size=self.rows - start))
        with changing_table(self.path) as table:
            table.write(name, np.array(values, KINDS[name]), start)
        self.columns[name][start : start + len(values)] = values

    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, self.rows))
        rows = data.draw(st.integers(0, self.rows - start))
        with reading_table(self.path) as table:
            assert (table.names, table.rows) == ([*self.columns], self.rows)
            for name, values in self.columns.items():
                assert table.read(name, start, rows).tolist() == values[start : start + rows]

    def _grow(self, rows: int) -> None:
        for name, values in self.columns.items():
            values += [b"" if name == "text" else 0] * (rows - self.rows)
        self.rows = max(self.rows, rows)


class InTheFile(Tables):
    driver = "HFA"


class BesideTheFile(Tables):
    driver = "GTiff"


FEW = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestInTheFile = InTheFile.TestCase
TestInTheFile.settings = FEW
TestBesideTheFile = BesideTheFile.TestCase
TestBesideTheFile.settings = FEW

KILLED = """
import os, signal, sys
from rios_flows import rat

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, sys.argv[2], die)
rat.writeColumn(sys.argv[1], "b", [5, 6])
"""


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_kill_leaves_the_old_table(tmp_path: Path, step: str) -> None:
    path = write_raster(tmp_path / "a.tif", coordinates(1, 9, 9, "uint16"), driver="GTiff")
    rat.writeColumn(path, "a", [1, 2])
    before = (tmp_path / "a.tif.aux.xml").read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, path, step], timeout=60, check=False)
    assert done.returncode == -9
    assert (tmp_path / "a.tif.aux.xml").read_bytes() == before
    assert rat.getColumnNames(path) == ["a"]
