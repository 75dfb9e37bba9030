"""Stopping jobs, and leaving none behind, by one body for each queue."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from tests.support.queues import Queue, Starts, shadow, wait_for, wait_until
from tests.workers.launchers.conftest import SETS


@pytest.mark.alone
def test_stopping_some(launch: Starts) -> None:
    launcher = launch([0, 1, 2], "exec sleep 60")
    wait_for(launcher, "running", 3)
    start = time.monotonic()
    launcher.stop([1])
    assert time.monotonic() - start < 3
    ended = wait_for(launcher, "ended")
    assert ended.number == 1
    assert ended.reason.startswith("cancelled by this run")
    # a replacement has a new number
    launcher.start([3])
    wait_for(launcher, "running", 3)
    assert [job.number for job in launcher.jobs()] == [0, 1, 2, 3]


def test_cancelling_that_fails_once_is_tried_again(
    queue: Queue, launch: Starts, tmp_path: Path
) -> None:
    launcher = launch([0, 1], "exec sleep 60")
    wait_for(launcher, "running", 2)
    fail = '[ $CALL = 1 ] && { echo server is away >&2; exit 1; }; exec "$REAL" "$@"'
    calls = shadow(tmp_path / "bin", queue.launcher_class.cancel, fail)
    launcher.close()
    assert not queue.ids()
    assert calls() >= 2


@SETS
def test_close_leaves_nothing(queue: Queue, launch: Starts, numbers: list[int]) -> None:
    launcher = launch(numbers, "trap '' TERM; while :; do sleep 0.2; done")
    extra = {queue.words["options"]: queue.words["too many"]}
    pending = launch([40, 41], "true", extra=extra)
    wait_for(launcher, "running", len(numbers))
    start = time.monotonic()
    pending.close()
    launcher.close()
    assert time.monotonic() - start < 15
    assert not queue.ids()
    assert {job.state for job in launcher.jobs()} == {"ended"}


MAIN = """
import signal, sys, time
from pathlib import Path
from rios_flows.workers.launchers.undertaker import Undertaker
from tests.support.queues import order
from rios_flows.workers.launchers.{module} import {name} as Chosen

folder = Path(sys.argv[1])
undertaker = Undertaker()
undertaker.due("rm", "-rf", str(folder))
launcher = Chosen(order(folder, "exec sleep 100"), undertaker)
print("starting", flush=True)
launcher.start([0, 1])
launcher.start([2])
print("started", flush=True)
time.sleep(100)
"""


@contextmanager
def main_process(queue: Queue, folder: Path) -> Iterator[subprocess.Popen[str]]:
    name = queue.launcher_class.__name__
    script = MAIN.format(module=queue.name, name=name)
    command = [sys.executable, "-c", script, str(folder)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


@pytest.mark.parametrize("number", [SIGTERM, SIGKILL])
def test_nothing_stays_after_a_kill(queue: Queue, tmp_path: Path, number: int) -> None:
    folder = tmp_path / "run"
    with main_process(queue, folder) as process:
        said(process, "starting")
        said(process, "started")
        assert len(queue.ids()) == 3
        assert folder.exists()
        os.kill(process.pid, number)
        start = time.monotonic()
        wait_until(lambda: not queue.ids(), 15)
        wait_until(lambda: not folder.exists(), 15)
        assert time.monotonic() - start < 15


def test_nothing_stays_after_a_kill_amid_submitting(queue: Queue, tmp_path: Path) -> None:
    shadow(tmp_path / "bin", queue.words["submit"], 'sleep 1; "$REAL" "$@"')
    with main_process(queue, tmp_path / "run") as process:
        said(process, "starting")
        time.sleep(0.3)
        process.kill()
        assert not queue.ids()
    time.sleep(1.5)
    wait_until(lambda: not queue.ids(), 10)
