"""The job of the page on jobs, as somebody pastes it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import rasterio

from tests.docs.test_code_blocks import ROOT, make_rasters

PAGE = (ROOT / "docs" / "jobs.md").read_text()

MAIN = "from rios_flows.cli.program import main; main()"


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)
    assert found is not None
    return found[1]


def paste(folder: Path) -> None:
    make_rasters(folder)
    (folder / "vegetation.py").write_text(block("python"))
    (folder / "job.yaml").write_text(block("yaml"))


def test_the_commands_run(tmp_path: Path) -> None:
    paste(tmp_path)
    commands = [
        shlex.split(line, comments=True)
        for line in block("sh").splitlines()
        if " plan " in line or " run " in line
    ]
    assert len(commands) == 4
    for command in commands[:2]:
        # without a server: the tests of the command run a job as a flow
        engine = ["--engine"] if command[1] == "run" else []
        done = subprocess.run(
            [sys.executable, "-c", MAIN, *command[1:], *engine],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "index.tif").exists() is (command[1] == "run")
    with rasterio.open(tmp_path / "index.tif") as dataset:
        assert dataset.nodata == -9999
        index = dataset.read(1).astype(float)
    green, red = (
        rasterio.open(tmp_path / name).read(1).astype(float) for name in ("green.tif", "red.tif")
    )
    total = green + red
    expected = np.where(total != 0, (green - red) / np.where(total == 0, 1, total), -9999)
    np.testing.assert_allclose(index, expected, rtol=1e-6, atol=1e-7)
