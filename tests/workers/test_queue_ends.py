"""The end of a run whose workers are jobs of a queue, whatever it is: nothing stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM

import psutil
import pytest

from tests.orchestration.served import Server
from tests.support.jobs import SmallJob
from tests.support.queue_main import main
from tests.support.queue_runs import (
    check,
    check_nothing_is_left,
    job_on,
    untouched,
    wait_for_workers,
)
from tests.support.queues import Queue, wait_until

ROOT = Path(__file__).parents[2]


@contextmanager
def script(
    queue: Queue,
    folder: Path,
    how: str = "engine",
    environment: Mapping[str, str] | None = None,
    until: str = "wait",
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the main process until its workers are in the midst of the work, slow or waiting."""
    (folder / until).touch()
    kind = queue.launcher_class.kind
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.queue_main", how, kind, str(folder)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_workers(folder)
        yield process
    finally:
        process.kill()
        process.wait()


def is_over(queue: Queue, job: SmallJob, workers: list[tuple[int, str]], seconds: float) -> None:
    """See that workers, jobs and files are gone in time."""
    end = time.monotonic() + seconds
    wait_until(lambda: not any(lives(process) for process, _ in workers), seconds)
    wait_until(lambda: not queue.ids(), end - time.monotonic())
    wait_until(lambda: not list((job.folder / "temp").iterdir()), end - time.monotonic())


def lives(process: int) -> bool:
    """Return whether a process has not ended."""
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [SIGINT, pytest.param(SIGTERM, marks=pytest.mark.slow)])
def test_nothing_stays_after_a_signal(number: int, queue: Queue, tmp_path: Path) -> None:
    job = job_on(queue, tmp_path)
    with script(queue, tmp_path) as process:
        workers = wait_for_workers(tmp_path)
        process.send_signal(number)
        start = time.monotonic()
        is_over(queue, job, workers, 15)
        assert process.wait(15 - (time.monotonic() - start)) != 0
    assert untouched(job)


def test_going_on_after_a_kill(
    queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = job_on(queue, tmp_path)
    with script(queue, tmp_path, until="slowly") as process:
        workers = wait_for_workers(tmp_path)
        # some blocks are in the journal
        wait_until(lambda: is_kept(tmp_path))
        os.kill(process.pid, SIGKILL)
        is_over(queue, job, workers, 60)
    (tmp_path / "slowly").unlink()
    rtn = main("engine", queue.launcher_class.kind, tmp_path)
    check(job, rtn, resumed=True)
    assert "Resuming: " in caplog.text
    assert sum(record.stage == "compute" for record in rtn.records) < 12
    check_nothing_is_left(job)


def is_kept(folder: Path) -> bool:
    """Return whether blocks have been saved, with otherArgs."""
    sizes = [path.stat().st_size for path in folder.rglob("*journal*") if path.is_file()]
    return sum(sizes) > 10_000


@pytest.mark.slow
@pytest.mark.prefect
def test_nothing_stays_after_cancelling_by_prefect(
    queue: Queue, server: Server, tmp_path: Path
) -> None:
    job = job_on(queue, tmp_path)
    # what Prefect's runner sends to the process of a run that is cancelled
    with script(queue, tmp_path, "flow", server.environment()) as process:
        workers = wait_for_workers(tmp_path)
        process.send_signal(SIGTERM)
        start = time.monotonic()
        is_over(queue, job, workers, 15)
        assert process.wait(15 - (time.monotonic() - start)) != 0
    assert untouched(job)
