"""The job of the page on jobs, as somebody pastes it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import rasterio

from tests.docs.test_code_blocks import ROOT, make_rasters

PAGE = (ROOT / "docs" / "jobs.md").read_text()

RUN = """
from rios_flows import engine
from rios_flows.jobs.descriptionfiles import read_description
engine.apply(*read_description("job.yaml").call())
"""


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)
    assert found is not None
    return found[1]


def paste(folder: Path) -> None:
    make_rasters(folder)
    (folder / "vegetation.py").write_text(block("python"))
    (folder / "job.yaml").write_text(block("yaml"))


def test_the_job_runs(tmp_path: Path) -> None:
    paste(tmp_path)
    command = [sys.executable, "-c", RUN]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    with rasterio.open(tmp_path / "index.tif") as dataset:
        assert dataset.nodata == -9999
        assert dataset.count == 1
