"""No process of a worker is left, and none that a worker has started, whatever the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.jobs import SmallJob

#: Long enough for a busy machine; what is waited for takes a second or less (s).
PATIENCE = 30

ENDS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM, "kill -9": signal.SIGKILL}

#: What the user function does at the end, and what the end is.
CASES = [
    ("nothing", "Ctrl-C"),
    ("children", "kill -9"),
    *(
        pytest.param(*case, marks=pytest.mark.slow)
        for case in [
            ("nothing", "SIGTERM"),
            ("nothing", "kill -9"),
            ("lock", "Ctrl-C"),
            ("lock", "SIGTERM"),
            ("lock", "kill -9"),
            ("children", "Ctrl-C"),
            ("children", "SIGTERM"),
        ]
    ),
]

SCRIPT = Path(__file__).parents[1] / "support" / "worker_script.py"


def until(condition: object) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def script(folder: Path, doing: str, ending: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the script until two workers are in the user function; see that nothing stays of it."""
    SmallJob(folder)
    program = [sys.executable, str(SCRIPT), str(folder), doing, ending]
    process = subprocess.Popen(
        program,
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    family: list[psutil.Process] = []
    try:
        until(lambda: len(list(folder.glob("at-*"))) >= 2 or process.poll() is not None)
        assert process.poll() is None
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= (6 if doing == "children" else 2)
        yield process
        process.wait(PATIENCE)
        _, left = psutil.wait_procs(family, PATIENCE)
        assert not left
        # nor of their files; what a killed run wrote stays until the next one
        names = {path.name for path in folder.iterdir() if "at-" not in path.name}
        assert names - {".out.tif.rios_flows"} == {"in.tif", "out.tif"}
    finally:
        for each in family:
            if each.is_running():
                each.kill()
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("doing", "end"), CASES)
def test_a_script_that_is_ended(doing: str, end: str, tmp_path: Path) -> None:
    with script(tmp_path, doing, "main thread") as process:
        process.send_signal(ENDS[end])


@pytest.mark.parametrize("doing", ["lock"])
def test_a_script_that_leaves_while_a_thread_works(doing: str, tmp_path: Path) -> None:
    with script(tmp_path, doing, "leaves") as process:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.wait(PATIENCE) == 4
