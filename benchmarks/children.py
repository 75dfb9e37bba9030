"""What is measured in a process of its own; each prints one line of JSON.

``python -m benchmarks.children memory 8192``, ``blocks_memory 16 none``, ``prefect 5``, or
``remote_memory 20000``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.jobs import ONE_LOOP, THREADS, index_job, tiny_job
from benchmarks.measure import peak_memory, settle, timed
from benchmarks.scenes import bench_directory
from rios_flows.controls.concurrency import CW_SUBPROC, ConcurrencyStyle

STYLES = {
    "none": ONE_LOOP,
    "threads": THREADS,
    "processes": ConcurrencyStyle(
        numComputeWorkers=2, computeWorkerKind=CW_SUBPROC, computeWorkersRead=True
    ),
}


def memory(size: str) -> dict[str, object]:
    """Run the index on a scene of some size; tell the peak, and the peak before it (MB)."""
    from rios_flows import engine

    target = bench_directory() / f"memory-{os.getpid()}.tif"
    # made before, by the process that asks
    job = index_job(int(size))
    before = peak_memory()
    try:
        job.run(engine.apply, THREADS, target)
    finally:
        target.unlink(missing_ok=True)
    return {"before": before, "peak": peak_memory()}


def blocks_memory(window: str, style: str) -> dict[str, object]:
    """Copy a raster in windows of some size, with all extras; tell the peaks (MB)."""
    from rios_flows import engine

    target = bench_directory() / f"memory-{os.getpid()}.tif"
    job = replace(tiny_job(5120), window=int(window), extras=True)
    before = peak_memory()
    try:
        job.run(engine.apply, STYLES[style], target)
    finally:
        target.unlink(missing_ok=True)
    return {"before": before, "peak": peak_memory()}


def prefect(rounds: str) -> dict[str, object]:
    """Run the index by the engine and through Prefect in turns; tell the times (s)."""

    from rios_flows import applier, engine

    logging.getLogger("prefect").setLevel(logging.WARNING)
    job, target = index_job(), bench_directory() / f"prefect-{os.getpid()}.tif"
    times: dict[str, list[float]] = {"engine": [], "prefect": []}
    try:
        for number in range(int(rounds) + 1):
            for name, apply in (("engine", engine.apply), ("prefect", applier.apply)):
                settle()
                seconds = timed(partial(job.run, apply, THREADS, target)).wall
                # the first round warms caches of the server and of the disk
                if number:
                    times[name].append(seconds)
    finally:
        Path(target).unlink(missing_ok=True)
    return {**times}


def remote_memory(blocks: str) -> dict[str, object]:
    """Have so many tiny blocks worked on by a worker of the network; tell the peaks (MB)."""
    from benchmarks import remote

    folder = bench_directory() / f"remote-{os.getpid()}"
    folder.mkdir()
    shape = int(blocks) // 20 * 16, 20 * 16
    try:
        job = remote.prepare(remote.add_one, folder, shape, 16, remote.style(1))
        before = peak_memory()
        remote.run(job)
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    return {"before": before, "peak": peak_memory()}


if __name__ == "__main__":
    kinds: dict[str, Callable[..., dict[str, object]]] = {
        "memory": memory,
        "blocks_memory": blocks_memory,
        "prefect": prefect,
        "remote_memory": remote_memory,
    }
    print(json.dumps(kinds[sys.argv[1]](*sys.argv[2:])))
