"""The book that all launchers keep, without a queue."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pytest

from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers import book
from rios_flows.workers.launchers.book import JobBook, Seen, signal_name
from rios_flows.workers.launchers.launcher import WorkerJob


class Pretended(JobBook):
    """A queue that does as it is told by a test."""

    queue: ClassVar[str] = "Queue"
    pause: ClassVar[float] = 0.0

    def __init__(self, count: int) -> None:
        super().__init__()
        self.seen = {number: Seen("running", host="node") for number in range(count)}
        self._jobs = {n: WorkerJob(n, f"id{n}", "demo", "pending") for n in range(count)}
        self.answers = True
        self.refusals = 0

    def _look(self, left: Sequence[WorkerJob]) -> None:
        if not self.answers:
            raise JobMgrError("away")
        for job in left:
            self._note(job, self.seen[job.number])

    def _stop_some(self) -> None:
        for job in self._unwanted():
            if self.refusals:
                self.refusals -= 1
                continue
            self._to_stop.discard(job.number)
            self.seen[job.number] = Seen("ended", "signal 15")


def test_jobs_end_that_are_stopped_and_no_others() -> None:
    kept = Pretended(3)
    kept.jobs()
    kept.refusals = 1
    kept.stop([1, 7])
    assert [job.state for job in kept.jobs()] == ["running"] * 3
    assert [job.state for job in kept.jobs()] == ["running", "ended", "running"]
    ended = kept.jobs()[1]
    assert (ended.reason, ended.host) == ("cancelled by this run (signal 15)", "node")
    kept.seen[0] = Seen("ended", "exit code 0")
    assert kept.jobs()[0].reason == "exit code 0"
    # that of one that has ended stays
    kept.seen[0] = Seen("running")
    assert kept.jobs()[0].state == "ended"


def test_ends_are_waited_for_and_not_for_ever() -> None:
    kept = Pretended(2)
    assert not kept._end_all(float("inf"))
    other = Pretended(2)
    other.answers = False
    assert [job.number for job in other._end_all(0.0)] == [0, 1]


def test_silence_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Pretended(1)
    (before,) = kept.jobs()
    kept.answers = False
    for silence, warnings in ((60.0, 0), (0.0, 1), (0.0, 1)):
        monkeypatch.setattr(book, "SILENCE", silence)
        assert kept.jobs() == [before] == [replace(before, state="running")]
        told = [each for each in caplog.records if each.levelno == logging.WARNING]
        assert len(told) == warnings
    assert "Queue does not tell how jobs are (for 0 s): away" in told[0].getMessage()


def test_names_of_signals() -> None:
    assert signal_name(9) == "signal 9 (SIGKILL)"
    assert signal_name(1000) == ""
