"""Batch queues for tests, with what differs between them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rios_flows.workers.launchers.batch import BatchLauncher
from rios_flows.workers.launchers.launcher import Launcher, Order, State, WorkerJob, tail
from rios_flows.workers.launchers.undertaker import Undertaker


class Lab(Protocol):
    """A queue that was brought up for the tests."""

    environment: dict[str, str]
    folder: Path

    def run(self, *command: str) -> str: ...


@dataclass(frozen=True)
class Queue:
    """One queue.

    Attributes
    ----------
    words : mapping
        What it calls things: ``options`` is the key of its options, ``too many`` are options that
        it accepts and never fulfils, ``bad queue`` and ``bad option`` are refused, ``submit`` and
        ``state`` are its commands.
    listed : tuple of str
        The command that lists the ids of all jobs that have not ended.
    """

    name: str
    lab: Lab
    launcher_class: type[BatchLauncher]
    words: Mapping[str, str]
    listed: tuple[str, ...]

    @property
    def kind(self) -> str:
        return self.launcher_class.kind

    def launcher(self, order: Order, undertaker: Undertaker) -> Launcher:
        return self.launcher_class(order, undertaker)

    def ids(self) -> list[str]:
        """Return the ids of the jobs that are in the queue."""
        lines = self.lab.run(*self.listed).splitlines()
        # PBS lists an array beside its jobs
        ids = [line.split()[0] for line in lines if line[:1].isdigit()]
        return [job for job in ids if "[]" not in job]

    def kill(self, job: WorkerJob) -> None:
        """Cancel a job by hand."""
        self.lab.run(self.launcher_class.cancel, job.id)


#: Starts workers: their numbers, a script, and changes to the order.
Starts = Callable[..., Launcher]


def shadow(folder: Path, command: str, script: str) -> Callable[[], int]:
    """Put a script before a command on the path; in it, ``$REAL`` is the command.

    Returns
    -------
    callable
        Counts its calls so far.
    """
    real = shutil.which(command) or ""
    folder.mkdir(exist_ok=True)
    calls = folder / f"{command}.calls"
    text = f"#!/bin/sh\necho >>'{calls}'\nCALL=$(wc -l <'{calls}')\nREAL='{real}'\n{script}\n"
    (folder / command).write_text(text)
    (folder / command).chmod(0o755)
    if not os.environ["PATH"].startswith(f"{folder}:"):
        # a fixture has put the variable back by the end of the test
        os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
    return lambda: calls.read_text().count("\n") if calls.exists() else 0


def order(folder: Path, script: str, *, name: str = "demo", **changes: Any) -> Order:
    """Order workers that are a shell's script; in it, ``$2`` is the worker's number."""
    folder.mkdir(mode=0o700, exist_ok=True)
    values = {"environment": {}, "folder": folder, "extra": {}, **changes}
    return Order(name=name, command=("sh", "-c", script, "worker"), **values)


def wait_for(launcher: Launcher, state: State, count: int = 1, seconds: float = 30) -> WorkerJob:
    """Wait until so many jobs are in a state, and return the last of them."""
    end = time.monotonic() + seconds
    while True:
        jobs = launcher.jobs()
        found = [job for job in jobs if job.state == state]
        if len(found) >= count:
            return found[-1]
        assert time.monotonic() < end, jobs
        time.sleep(0.1)


def wait_for_log(job: WorkerJob, text: str) -> None:
    """Wait until all that a job has printed is this."""
    wait_until(lambda: tail(job.log) == text)


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)
