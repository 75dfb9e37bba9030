"""The end of a run whose workers are jobs of a queue, whatever it is: nothing stays."""

from __future__ import annotations

import os
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM

import pytest

from tests.orchestration.served import Server
from tests.support.queue_ends import end_by_signal, is_over, script
from tests.support.queue_main import main
from tests.support.queue_runs import check, check_nothing_is_left, job_on, wait_for_workers
from tests.support.queues import Queue, wait_until


@pytest.mark.parametrize("number", [SIGINT, pytest.param(SIGTERM, marks=pytest.mark.slow)])
def test_nothing_stays_after_a_signal(number: int, queue: Queue, tmp_path: Path) -> None:
    end_by_signal(queue, job_on(queue, tmp_path), number)


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
    rtn = main("engine", queue.kind, tmp_path)
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
    # what Prefect's runner sends to the process of a run that is cancelled
    end_by_signal(queue, job_on(queue, tmp_path), SIGTERM, "flow", server.environment())
