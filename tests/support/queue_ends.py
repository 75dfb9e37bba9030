"""The end of a main process whose workers are jobs of a queue, or of AWS."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Protocol

import psutil

from tests.support.jobs import SmallJob
from tests.support.queue_runs import untouched, wait_for_workers
from tests.support.queues import wait_until

ROOT = Path(__file__).parents[2]


class Where(Protocol):
    """Where jobs of workers are."""

    @property
    def kind(self) -> str: ...

    def ids(self) -> list[str]: ...


@contextmanager
def script(
    where: Where,
    folder: Path,
    how: str = "engine",
    environment: Mapping[str, str] | None = None,
    until: str = "wait",
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the main process until its workers are in the midst of the work, slow or waiting."""
    (folder / until).touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.queue_main", how, where.kind, str(folder)],
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


def is_over(where: Where, job: SmallJob, workers: list[tuple[int, str]], seconds: float) -> None:
    """See that workers, jobs and files are gone in time."""
    end = time.monotonic() + seconds
    wait_until(lambda: not any(lives(process) for process, _ in workers), seconds)
    wait_until(lambda: not where.ids(), end - time.monotonic())
    wait_until(lambda: not list((job.folder / "temp").iterdir()), end - time.monotonic())


def lives(process: int) -> bool:
    """Return whether a process has not ended."""
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_by_signal(
    where: Where,
    job: SmallJob,
    number: int,
    how: str = "engine",
    environment: Mapping[str, str] | None = None,
) -> None:
    """Send a signal to the main process, and see that nothing stays but the output of before."""
    seconds = 60 if number == SIGKILL else 15
    with script(where, job.folder, how, environment) as process:
        workers = wait_for_workers(job.folder)
        process.send_signal(number)
        start = time.monotonic()
        is_over(where, job, workers, seconds)
        assert process.wait(max(1, seconds - (time.monotonic() - start))) != 0
    assert untouched(job)
