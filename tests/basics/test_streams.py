"""Whatever became of standard output and error, a job runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rios_flows.basics import streams
from tests.support.broken_streams import KINDS, ToLog

ROOT = Path(__file__).parents[2]


def play(folder: Path, kind: str, redirected: str = "") -> str:
    command = '"$0" -m tests.support.broken_streams "$1" rios_flows.engine "$2" ' + redirected
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, str(folder), kind],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (folder / "done").exists(), done.stderr
    return (folder / "done").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_without_usable_streams(tmp_path: Path, kind: str) -> None:
    assert play(tmp_path, kind) == "True True"


@pytest.mark.parametrize("redirected", ["<&- >&- 2>&-", "2>&-", ">&- 2>/dev/full"])
def test_a_job_without_the_files_behind_streams(tmp_path: Path, redirected: str) -> None:
    # an output must not become the file that C libraries print to
    assert play(tmp_path, "as they are", redirected) == "True True"


def test_two_users_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = KINDS["closed"]()
    monkeypatch.setattr(sys, "stderr", broken)
    entered, ended = threading.Event(), threading.Event()

    def other() -> None:
        with streams.usable():
            entered.set()
            ended.wait(30)

    thread = threading.Thread(target=other)
    with streams.usable():
        thread.start()
        entered.wait(30)
        assert sys.stderr is None
    assert sys.stderr is None
    ended.set()
    thread.join()
    assert sys.stderr is broken


def test_what_works_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ToLog()
    monkeypatch.setattr(sys, "stderr", kept)
    with streams.usable():
        assert sys.stderr is kept


def test_what_the_user_puts_there_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", KINDS["closed"]())
    mine = ToLog()
    with streams.usable():
        monkeypatch.setattr(sys, "stderr", mine)
    assert sys.stderr is mine
