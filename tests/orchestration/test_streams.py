"""Whatever became of standard output and error, a flow runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.orchestration.served import Server

pytestmark = pytest.mark.prefect

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", ["none", "closed", "to a log", "ascii", "closed pipe"])
def test_a_flow_without_usable_streams(server: Server, tmp_path: Path, kind: str) -> None:
    command = [
        *(sys.executable, "-m", "tests.support.broken_streams"),
        *(str(tmp_path), "rios_flows.applier", kind),
    ]
    environment = {**server.environment(), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, cwd=os.sep
    )
    assert (tmp_path / "done").exists(), done.stderr
    assert (tmp_path / "done").read_text() == "True True"
