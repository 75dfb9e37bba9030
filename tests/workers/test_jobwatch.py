"""Jobs that are followed: what is told of them, to whom, and when."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import replace

import pytest

from rios_flows import rioserrors
from rios_flows.workers.jobwatch import JobWatch
from rios_flows.workers.launchers.launcher import WorkerJob
from tests.support.fakelauncher import FakeLauncher
from tests.support.queues import wait_until


class Watched:
    """A watch over three jobs, and what it tells."""

    def __init__(self) -> None:
        self.launcher = FakeLauncher()
        self.ended: list[WorkerJob] = []
        self.refused: list[tuple[Sequence[int], Exception]] = []
        self.failures: list[Exception] = []
        self.watch = JobWatch(
            0.01,
            self.ended.append,
            lambda numbers, error: self.refused.append((numbers, error)),
            self.failures.append,
        )

    def see(self, number: int, reason: str) -> None:
        self.launcher.seen[number] = replace(self.launcher.seen[number], reason=reason)


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    watched.watch.start(watched.launcher, range(3))
    yield watched
    watched.watch.end()
    watched.watch.close([])
    assert watched.launcher.closed


def in_thread(function: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def test_an_end_is_told_once(watched: Watched) -> None:
    watched.launcher.end(1, "exit code 0")
    wait_until(lambda: watched.ended)
    watched.launcher.end(2, "NODE_FAIL")
    wait_until(lambda: len(watched.ended) > 1)
    assert [(job.number, job.reason) for job in watched.ended] == [
        (1, "exit code 0"),
        (2, "NODE_FAIL"),
    ]


def test_a_reason_is_waited_for(watched: Watched) -> None:
    wait_until(lambda: len(watched.watch.states(range(3))) == 3)
    reasons: list[str] = []
    waiting = in_thread(lambda: reasons.append(watched.watch.reason(0)))
    waiting.join(0.1)
    assert not reasons
    watched.launcher.end(0, "OUT_OF_MEMORY")
    waiting.join(10)
    assert reasons == ["OUT_OF_MEMORY"]


def test_nobody_waits_for_a_reason_after_the_end(watched: Watched) -> None:
    wait_until(lambda: len(watched.watch.states(range(3))) == 3)
    reasons: list[str] = []
    waiting = in_thread(lambda: reasons.append(watched.watch.reason(0)))
    watched.watch.end()
    waiting.join(5)
    assert reasons == ["its connection ended, and its job is pending yet"]


def test_of_a_job_that_nobody_knows(watched: Watched) -> None:
    assert watched.watch.reason(17) == "its connection ended"
    assert watched.watch.states([17]) == []


def test_the_reason_of_a_job_that_was_not_seen_yet(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = watched.launcher.jobs
    with monkeypatch.context() as patch:
        # a queue, or a server, that takes long to answer
        patch.setattr(
            watched.launcher, "jobs", lambda: [each for each in jobs() if each.number < 3]
        )
        watched.watch.submit(3)
        wait_until(lambda: 3 in watched.launcher.seen)
        reasons: list[str] = []
        waiting = in_thread(lambda: reasons.append(watched.watch.reason(3)))
        waiting.join(0.1)
        assert waiting.is_alive()
        watched.launcher.end(3, "OUT_OF_MEMORY")
    waiting.join(10)
    assert reasons == ["OUT_OF_MEMORY"]


def test_what_jobs_wait_for(watched: Watched) -> None:
    watched.see(2, "Resources")
    told = ["Job 40 (job-0) is pending: no reason is known", "Job 42 (job-2) is pending: Resources"]
    wait_until(lambda: watched.watch.states({2, 0}) == told)


def test_a_job_that_is_refused_is_submitted_again(watched: Watched) -> None:
    error = rioserrors.JobMgrError("busy")
    watched.launcher.refusal, watched.launcher.refusals = error, 2
    watched.watch.submit(3)
    wait_until(lambda: watched.launcher.started == [[0, 1, 2], [3]])
    assert not watched.refused


def test_a_job_that_is_always_refused_is_given_up(watched: Watched) -> None:
    error = rioserrors.JobMgrError("busy")
    watched.launcher.refusal, watched.launcher.refusals = error, 10
    watched.watch.submit(3)
    wait_until(lambda: watched.refused)
    assert watched.refused == [([3], error)]
    assert watched.launcher.refusals == 7
    assert not watched.failures


def test_a_launcher_that_fails(watched: Watched) -> None:
    watched.launcher.refusal = OSError("no such command")
    watched.watch.submit(3)
    wait_until(lambda: watched.failures == [watched.launcher.refusal])


def test_its_log_lines_are_those_of_the_call_that_it_works_for() -> None:
    name: ContextVar[str] = ContextVar("name", default="nobody's")
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(f"{name.get()}: {record.getMessage()}")

    name.set("mine")
    logger, listener = logging.getLogger("rios_flows.workers.jobwatch"), Listener()
    logger.addHandler(listener)
    level = logger.level
    logger.setLevel(logging.INFO)
    watched = Watched()
    watched.watch.start(watched.launcher, range(1))
    watched.see(0, "Priority")
    wait_until(lambda: heard)
    watched.watch.end()
    watched.watch.close([])
    logger.setLevel(level)
    logger.removeHandler(listener)
    assert heard == ["mine: Job 40 (job-0) is pending: Priority"]
