"""Scripts as users write them, in a process of their own: one line changed, and workers compute."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.jobs import SmallJob

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "support" / "any_function.py"


@pytest.mark.slow
def test_functions_of_every_kind(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    (tmp_path / "beside.py").write_text(
        "def double(info, inputs, outputs):\n    outputs.result = 2 * inputs.image\n"
    )
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "began").read_text().splitlines()) == 1
    names = {path.name.removeprefix("done ") for path in tmp_path.glob("done *")}
    assert len(names) == 8
    assert done.stdout.splitlines()[-1] == f"total {int(job.pixels.sum(dtype='int64'))}"
    for text in ("printed", "warned", "logged"):
        lines = [line for line in (done.stdout + done.stderr).splitlines() if text in line]
        assert "worker 0 (" in lines[0], lines
