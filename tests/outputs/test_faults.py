"""Whichever call of the system fails: the old output stands, or the new one is whole."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import faulty

ROOT = Path(__file__).parents[2]

FORMATS = [("out.tif", "GTiff"), ("out.img", "HFA"), ("out.tif", "COG"), ("out.zarr", "Zarr")]

#: How many calls of each kind fail one by one.
FEW, MANY, ALL = 3, 12, 100_000

#: Which calls are taken, where not all are: others each day.
TODAY = int(time.time() // 86_400)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile what has calls fail."""
    made = tmp_path_factory.mktemp("faults") / "faults.so"
    source = ROOT / "tests" / "support" / "faults.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True)
    return made


def try_calls(library: Path, folder: Path, *arguments: str, samples: int) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LD_PRELOAD": str(library)}
    given = [str(folder), *arguments, str(samples), str(TODAY)]
    command = [sys.executable, "-m", "tests.support.faulty", *given]
    print("Today's calls:", *command)  # noqa: T201
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=1200)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert not wrong, done.stdout[-5000:]
    assert done.returncode == 0, done.stderr[-5000:]
    # each kind of call was made, and could fail
    assert done.stdout.count(" calls") == len(faulty.KINDS)
    assert ": 0 calls" not in done.stdout


# a file that GDAL writes block by block, and one of many files; the others come below
@pytest.mark.parametrize(("name", "driver"), [FORMATS[0], FORMATS[-1]])
def test_some_calls_fail(library: Path, tmp_path: Path, name: str, driver: str) -> None:
    try_calls(library, tmp_path, name, driver, "plain", samples=FEW)


# with extras, since all calls without are among those; one format suffices for our own calls
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "driver", "samples"),
    [(name, driver, ALL if driver == "GTiff" else MANY) for name, driver in FORMATS],
)
def test_each_call_fails(
    library: Path, tmp_path: Path, name: str, driver: str, samples: int
) -> None:
    try_calls(library, tmp_path, name, driver, "extras", samples=samples)
