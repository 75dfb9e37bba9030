"""What is shown of a run: a bar on a terminal, lines in the log elsewhere, nothing on a pipe."""

from __future__ import annotations

import io
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from rios_flows.geometry.grid import BlockGrid
from rios_flows.reports import progress
from rios_flows.reports.records import RunInfo
from tests.support.jobs import SmallJob

ROOT = Path(__file__).parents[2]

RUN = """
import sys
from pathlib import Path
from tests.support.jobs import SmallJob, double
from rios_flows import engine
job = SmallJob(Path(sys.argv[1]))
job.controls.setJobName("shrubs")
if sys.argv[2] == "own":
    from rios_flows.basics.bars import SilentProgress
    job.controls.setProgress(SilentProgress())
if sys.argv[2] == "no rich":
    sys.modules["rich"] = None
engine.apply(double, job.infiles, job.outfiles, controls=job.controls)
"""

INFO = RunInfo("shrubs", BlockGrid(128, 96, (32, 32)), ("apply",))


def on_a_terminal(folder: Path, how: str) -> str:
    mine, theirs = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), how], env=env, stderr=theirs, stdout=theirs
    )
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(mine, 4096):
            seen += part
    except OSError:
        pass  # the child has closed its end
    os.close(mine)
    assert process.wait(60) == 0, seen.decode()
    return seen.decode()


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    seen = on_a_terminal(tmp_path, "plainly")
    for word in ("shrubs", "12/12", "blocks"):
        assert word in seen


def test_a_plain_bar_where_rich_is_not_installed(tmp_path: Path) -> None:
    seen = on_a_terminal(tmp_path, "no rich")
    assert "[########################################] 100%" in seen


def test_no_bar_beside_a_progress_object(tmp_path: Path) -> None:
    assert on_a_terminal(tmp_path, "own") == ""


def test_nothing_on_a_pipe(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path), "plainly"],
        env=env, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout + done.stderr == ""


def test_lines_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from rios_flows import engine
    from tests.support.jobs import double

    job = SmallJob(tmp_path)
    job.controls.setJobName("shrubs")
    with caplog.at_level(logging.INFO, "rios_flows.reports.progress"):
        engine.apply(double, job.infiles, job.outfiles, controls=job.controls)
    lines = [text for text in caplog.messages if "blocks written" in text]
    assert len(lines) == 10
    assert lines[-1] == "shrubs: 12 of 12 blocks written"


def test_a_bar_that_is_cut_short_ends_its_line() -> None:
    stream = io.StringIO()
    bar = progress.PlainBar(stream)
    bar.started(INFO)
    bar.written(6, 12)
    bar.finished(ValueError("too bad"))
    assert stream.getvalue().endswith(" 50%\n")


def test_a_program_without_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert isinstance(progress.bar_or_log_lines(), progress.LogLines)
