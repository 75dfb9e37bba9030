"""Whichever call of the system fails: the old output stands, or the new one is whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import faulty

ROOT = Path(__file__).parents[2]

FORMATS = [("out.tif", "GTiff"), ("out.img", "HFA"), ("out.tif", "COG"), ("out.zarr", "Zarr")]

#: Samples of each kind of call in every test run, and in those that take long: all of them.
FEW, ALL = "3", "100000"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile what has calls fail."""
    made = tmp_path_factory.mktemp("faults") / "faults.so"
    source = ROOT / "tests" / "support" / "faults.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True)
    return made


def try_all(library: Path, folder: Path, *arguments: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LD_PRELOAD": str(library)}
    command = [sys.executable, "-m", "tests.support.faulty", str(folder), *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=1200)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert not wrong, done.stdout[-5000:]
    assert done.returncode == 0, done.stderr[-5000:]
    # each kind of call was made, and could fail
    assert done.stdout.count(" calls") == len(faulty.KINDS)
    assert ": 0 calls" not in done.stdout


@pytest.mark.parametrize(("name", "driver"), FORMATS)
def test_some_calls_fail(library: Path, tmp_path: Path, name: str, driver: str) -> None:
    try_all(library, tmp_path, name, driver, "plain", FEW)


@pytest.mark.slow
@pytest.mark.parametrize("extras", ["plain", "extras"])
@pytest.mark.parametrize(("name", "driver"), FORMATS)
def test_each_call_fails(
    library: Path, tmp_path: Path, name: str, driver: str, extras: str
) -> None:
    try_all(library, tmp_path, name, driver, extras, ALL)
