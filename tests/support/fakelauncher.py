"""A launcher that starts nothing: its jobs are what a test says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from rios_flows.workers.launchers.launcher import WorkerJob


class FakeLauncher:
    """Has workers come when the test says so."""

    def __init__(self) -> None:
        self.seen: dict[int, WorkerJob] = {}
        self.started: list[list[int]] = []
        self.refusal: Exception | None = None
        self.refusals = 1
        self.closed = False

    def start(self, numbers: Sequence[int]) -> None:
        if self.refusal is not None and self.refusals:
            self.refusals -= 1
            raise self.refusal
        self.started.append(list(numbers))
        for number in numbers:
            self.seen[number] = WorkerJob(number, f"4{number}", f"job-{number}", "pending")

    def jobs(self) -> list[WorkerJob]:
        return list(self.seen.values())

    def stop(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.end(number, "cancelled")

    def close(self) -> None:
        self.closed = True

    def end(self, number: int, reason: str, log: Path | None = None) -> None:
        self.seen[number] = replace(self.seen[number], state="ended", reason=reason, log=log)
