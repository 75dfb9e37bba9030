"""Whole runs with workers that are jobs of a queue, and what happens to them meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import Any

import numpy as np

from rios_flows.structures import ApplierReturn, ConcurrencyStyle
from tests.support.jobs import BLOCKS, SmallJob
from tests.support.queues import Queue, wait_until
from tests.support.rasters import read_raster

#: All blocks, as getBlockCount tells them.
ALL = sorted((col, row) for row in range(3) for col in range(4))


def style_on(queue: Queue, **changes: Any) -> ConcurrencyStyle:
    """Return a style with two workers in a queue, on this machine's loopback."""
    extra = {"interface": "127.0.0.1", **changes.pop("extra", {})}
    values = (
        {"numComputeWorkers": 2, "computeBarrierTimeout": 150}
        | {"computeBufferPopTimeout": 60}
        | changes
    )
    kind = queue.launcher_class.kind
    return ConcurrencyStyle(computeWorkerKind=kind, computeWorkerExtraParams=extra, **values)


def job_on(queue: Queue, folder: Path, **changes: Any) -> SmallJob:
    """Return a job with two workers in a queue; what it needs beside lies in a folder ``temp``."""
    (folder / "temp").mkdir(exist_ok=True)
    job = SmallJob(folder, style_on(queue, **changes))
    job.controls.setTempdir(str(folder / "temp"))
    job.controls.setBlockRetries(userFunction=0, io=0)
    return job


def nothing_counted(folder: Path, **more: Any) -> dict[str, Any]:
    """Return otherArgs for :func:`slow`."""
    return {"blocks": [], "sum": 0, "workers": set(), "folder": str(folder), "pause": 0, **more}


def slow(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Double the pixels, count, and leave a file with the number of this process and its job."""
    here = Path(other["folder"], f"here-{os.getpid()}")
    if not here.exists():
        job = os.environ.get("SLURM_JOB_ID") or os.environ.get("PBS_JOBID")
        job = job or os.environ.get("TEST_JOB", "").rpartition("/")[2]
        array, index = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
        written = here.with_name(f"written-{os.getpid()}")
        written.write_text(f"{array}_{index}" if array else job)
        written.rename(here)
    time.sleep(0.6 if Path(other["folder"], "slowly").exists() else other["pause"])
    if info.getBlockCount()[1] >= 1:
        # not all is done before what is to happen
        wait_until(lambda: not Path(other["folder"], "wait").exists(), 60)
    outputs.result = inputs.image * 2
    other["blocks"].append(info.getBlockCount())
    other["sum"] += int(inputs.image.sum(dtype=np.int64))
    other["workers"].add(os.getpid())


def workers_in(folder: Path) -> list[tuple[int, str]]:
    """Return process and job of all workers that have begun with a block."""
    return [
        (int(path.name.partition("-")[2]), path.read_text())
        for path in sorted(folder.glob("here-*"))
    ]


def check(job: SmallJob, rtn: ApplierReturn, resumed: bool = False) -> None:
    """See that each pixel is right, each block was counted once, and the workers' cost is told."""
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    blocks = [block for other in rtn.otherArgsList for block in other["blocks"]]
    assert sorted(blocks) == ALL
    assert len(blocks) == BLOCKS
    assert sum(other["sum"] for other in rtn.otherArgsList) == job.pixels.sum(dtype=np.int64)
    check_nothing_is_left(job)
    if resumed:
        # some blocks, or all, came earlier
        return
    cost = rtn.summary()["workers"]
    assert cost["kind"] == job.style.launcher
    assert 1 <= cost["came"] <= cost["ordered"]
    assert 0 < cost["hoursUsed"] < cost["hoursAsked"]
    assert cost["received"] > job.pixels.nbytes
    assert 0 < cost["busy"] <= 1


def check_nothing_is_left(job: SmallJob) -> None:
    """See that nothing of ours lies in the shared directory."""
    assert not list((job.folder / "temp").iterdir())
    assert not [path for path in Path().glob("*.log") if "rios" in path.name]


@contextmanager
def meanwhile(folder: Path, action: Callable[[], object]) -> Iterator[None]:
    """Do something in another thread before :func:`slow` has done more than one row of blocks.

    What goes wrong there goes wrong here.
    """
    errors: list[BaseException] = []
    wait = folder / "wait"
    wait.touch()

    def act() -> None:
        try:
            action()
        except BaseException as error:
            errors.append(error)
        finally:
            wait.unlink()

    # with the server that the test talks to, if any
    thread = threading.Thread(target=copy_context().run, args=(act,))
    thread.start()
    try:
        yield
    finally:
        thread.join(60)
    if errors:
        raise errors[0]


def wait_for_workers(folder: Path, count: int = 2) -> list[tuple[int, str]]:
    """Wait until so many workers have begun with a block."""
    wait_until(lambda: len(workers_in(folder)) >= count, 120)
    return workers_in(folder)


def untouched(job: SmallJob) -> bool:
    """Return whether the output is as it was before the run."""
    before = job.before["out.tif"]
    return (job.folder / "out.tif").read_bytes() == before


def output_of(folder: Path) -> Any:
    return read_raster(folder / "out.tif")
