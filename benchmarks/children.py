"""What is measured in a process of its own; each prints one line of JSON.

``python -m benchmarks.children memory 8192``, or ``prefect 5``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from functools import partial
from pathlib import Path

from benchmarks.jobs import THREADS, index_job
from benchmarks.measure import peak_memory, settle, timed
from benchmarks.scenes import bench_directory


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


if __name__ == "__main__":
    print(json.dumps({"memory": memory, "prefect": prefect}[sys.argv[1]](sys.argv[2])))
