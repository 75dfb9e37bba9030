"""What a worker says of itself when it arrives, and who it is from then on."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rios_flows.basics.naming import JOB_VARIABLE, this_process
from rios_flows.workers.versions import Versions, here
from rios_flows.workers.wire import Connection

#: Variables in which jobs find their numbers.
_JOB_IDS = (JOB_VARIABLE, "SLURM_JOB_ID", "PBS_JOBID", "AWS_BATCH_JOB_ID")

#: Where a task of ECS can ask who it is, and how long it does (s).
_TASK_METADATA, _PATIENCE = "ECS_CONTAINER_METADATA_URI_V4", 2.0


@dataclass(frozen=True, slots=True)
class Hello:
    """Who a worker is, and what it has.

    Attributes
    ----------
    number : int
        The one it was started with.
    name : str
        Host and process, as "node3:4711".
    versions : Versions
        What it runs.
    machine : str
        The same for all processes that share a clock.
    job : str
        The queue's number of its job; empty without a queue.
    """

    number: int
    name: str
    versions: Versions
    machine: str
    job: str = ""


class Worker:
    """A worker that has come."""

    def __init__(self, connection: Connection, hello: Hello) -> None:
        self.connection = connection
        self.hello = hello
        job = f", job {hello.job}" if hello.job else ""
        self.name = f"worker {hello.number} ({hello.name}{job})"
        #: what its clock shows when that of the run shows 0 (s)
        self.offset = 0.0
        #: whether it has brought a block home
        self.useful = False

    def set_clock(self, shown: float) -> None:
        """Note what its clock shows now."""
        if self.hello.machine != this_machine() or not self.hello.machine:
            self.offset = shown - time.perf_counter()


def hello(number: int, environment: Mapping[str, str] = os.environ) -> Hello:
    """Return what the worker of this process says."""
    return Hello(number, this_process(), here(), this_machine(), _job(environment))


def _job(environment: Mapping[str, str]) -> str:
    """Return the id of this job as its queue shows it."""
    array = environment.get("SLURM_ARRAY_JOB_ID")
    if array and JOB_VARIABLE not in environment:
        return f"{array}_{environment.get('SLURM_ARRAY_TASK_ID', '')}"
    told = next((environment[name] for name in _JOB_IDS if name in environment), "")
    return told or _task(environment.get(_TASK_METADATA, ""))


def _task(address: str) -> str:
    """Return the id of this task of ECS; empty where it is none."""
    if not address:
        return ""
    # few workers are tasks
    import json
    from urllib.request import urlopen

    try:
        with urlopen(f"{address}/task", timeout=_PATIENCE) as answer:
            return str(json.load(answer)["TaskARN"]).rpartition("/")[2]
    except (OSError, ValueError, KeyError):
        return ""


def this_machine() -> str:
    """Return what only processes have in common that share this machine's clock."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        return ""
