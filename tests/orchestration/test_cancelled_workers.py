"""Runs of a deployment with compute workers, cancelled at the server: none of these is left."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from rios_flows.orchestration.call import ApplyCall
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from tests.orchestration.jobs import Job, take_long
from tests.orchestration.served import Api, eventually
from tests.support.queue_runs import style_on
from tests.support.queues import Queue
from tests.workers import conftest as queues

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.usefixtures("worker")]

slurm_cluster, emulated_pbs = queues.slurm_cluster, queues.emulated_pbs
slurm_queue, pbs_queue, queue = queues.slurm_queue, queues.pbs_queue, queues.queue

#: Longest time from the cancellation to the end of all workers (s).
SECONDS = 15


def check_cancelled(
    api: Api, folder: Path, style: ConcurrencyStyle, env: dict[str, str], jobs: Callable[[], Any]
) -> None:
    """Cancel a run once both workers have a block, and wait until nothing of it is left."""
    temp = folder / "temp"
    temp.mkdir()
    job = Job(folder, f"cancel {style.computeWorkerKind} workers", style)
    job.controls.setTempdir(str(temp))
    call = ApplyCall.prepare(take_long, job.infiles, job.outfiles, None, job.controls)
    parameters, extra = call.parameters, style.computeWorkerExtraParams
    if extra:
        # a call shows their names only, as they may hold secrets, and says that this is no job
        parameters["function"] = "tests.orchestration.jobs:take_long"
        parameters["controls"]["concurrency"]["computeWorkerExtraParams"] = extra
    run = api.start("rios-apply/any-function", parameters, env)
    eventually(lambda: len(list(folder.glob("pid-*"))) == 2)
    workers = [psutil.Process(int(path.name[4:])) for path in folder.glob("pid-*")]
    api.cancel(run)
    start = time.monotonic()
    eventually(lambda: not [each for each in workers if each.is_running()], SECONDS)
    eventually(lambda: not jobs(), SECONDS - (time.monotonic() - start))
    eventually(lambda: not list(temp.iterdir()), SECONDS - (time.monotonic() - start))
    assert not job.output.exists()


def test_processes(api: Api, tmp_path: Path) -> None:
    style = ConcurrencyStyle(1, 2, CW_SUBPROC, computeWorkersRead=False, computeBufferPopTimeout=60)
    check_cancelled(api, tmp_path, style, {}, list)


def test_jobs_of_a_queue(api: Api, tmp_path: Path, queue: Queue) -> None:
    env = {"PATH": os.environ["PATH"], **queue.lab.environment}
    style = style_on(queue, haveSharedTemp=queue.name == "slurm")
    check_cancelled(api, tmp_path, style, env, queue.ids)
