"""What is carried out on a Dask cluster: by its scheduler, and by those of its workers that help.

Its processes need rios_flows; nothing else of it is used there but the worker's own program.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rios_flows.workers.launchers.launcher import tail
from rios_flows.workers.launchers.processes import kill_group, killing, told
from rios_flows.workers.launchers.undertaker import Undertaker

#: The process groups of workers that this process has started, by the keys of their tasks.
_groups: dict[str, int] = {}

#: Keys of tasks that may begin no more.
_unwanted: set[str] = set()


class TaskSeen(NamedTuple):
    """How the scheduler sees one task.

    Attributes
    ----------
    state : str
        The scheduler's word.
    worker, host : str
        The address and host of the Dask worker that has it; empty where none has.
    runs : bool
        Whether it has begun there.
    lost : int
        How many Dask workers have gone with it.
    """

    state: str
    worker: str
    host: str
    runs: bool
    lost: int


def work(command: Sequence[str], environment: Mapping[str, str], key: str) -> tuple[str, str]:
    """Run a worker as a process, until that ends: the task of a Dask worker.

    It is a process of its own so that whatever befalls it leaves the Dask worker alone. It ends
    with the Dask worker, whatever the end of that.

    Returns
    -------
    end, said : str
        How it ended, and the last lines of what it printed.
    """
    if key in _unwanted:
        return "cancelled", ""
    undertaker = Undertaker()
    log = os.memfd_create("log", os.MFD_CLOEXEC)
    try:
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
        )
        undertaker.due(*killing(process.pid))
        _groups[key] = process.pid
        if key in _unwanted:
            # it came while the process began
            kill_group(process.pid)
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        # before it is reaped, as no other can have its number until then
        del _groups[key]
        kill_group(process.pid)
        process.wait()
        undertaker.settled(*killing(process.pid))
        return told(process.returncode), tail(Path(f"/proc/self/fd/{log}"))
    finally:
        os.close(log)
        undertaker.close()


def kill(keys: Sequence[str]) -> None:
    """End the workers of these tasks, as far as they run here, and let no other begin."""
    for key in keys:
        group = _groups.get(key)
        if group is None:
            _unwanted.add(key)
        else:
            kill_group(group)


def look(keys: Sequence[str], dask_scheduler: Any = None) -> tuple[dict[str, TaskSeen], int, int]:
    """Return how the scheduler sees tasks; and the number of Dask workers, and of their threads."""
    seen = {}
    for key in keys:
        task = dask_scheduler.tasks.get(key)
        if task is not None:
            place = task.processing_on
            seen[key] = TaskSeen(
                str(task.state),
                place.address if place else "",
                place.host if place else "",
                place is not None and task in place.executing,
                int(task.suspicious),
            )
    workers = dask_scheduler.workers.values()
    return seen, len(workers), sum(each.nthreads for each in workers)
