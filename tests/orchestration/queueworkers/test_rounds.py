"""What a worker makes of what queue and server say, and of their silence."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import anyio
import pytest
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import (
    AwaitingRetry,
    Cancelled,
    Cancelling,
    Completed,
    Crashed,
    Failed,
    Paused,
    Pending,
    Running,
    Scheduled,
    Suspended,
)

from rios_flows.orchestration.queueworkers import rounds
from rios_flows.orchestration.queueworkers.former import is_unfinished
from rios_flows.orchestration.queueworkers.rounds import Rounds, message
from rios_flows.orchestration.queueworkers.worker import _Server
from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.book import Seen
from rios_flows.workers.launchers.launcher import WorkerJob

PENDS, RUNS, ENDED = Seen("pending", "Resources"), Seen("running", "", "n1"), Seen("ended", "OOM")

SILENT = JobMgrError("no answer from squeue")


class FakeDesk:
    """A queue that gives a list of answers; an error is raised, the last one is repeated."""

    def __init__(self, *answers: Seen | Exception | None) -> None:
        self.answers = list(answers)
        self.cancelled = 0
        self.killed = 0
        self.refuses = 0
        self.stubborn = False
        self.kept: list[bool] = []

    def look(self, jobs: Sequence[WorkerJob]) -> dict[str, Seen]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {job.id: answer for job in jobs} if answer else {}

    def cancel(self, job: str) -> None:
        if self.refuses:
            self.refuses -= 1
            raise JobMgrError("no answer from scancel")
        self.cancelled += 1
        if not self.stubborn:
            self.answers = [Seen("ended", "CANCELLED")]

    def kill(self, job: str) -> None:
        self.killed += 1
        self.answers = [Seen("ended", "CANCELLED")]

    def log_end(self, job: WorkerJob) -> str:
        return "last words"

    def forget(self, flow_run: UUID, job: WorkerJob, keep_log: bool) -> None:
        self.kept.append(keep_log)

    def submit(self, flow_run: UUID, configuration: Any) -> WorkerJob:
        raise NotImplementedError

    def find(self, flow_run: UUID, configuration: Any, job: str) -> WorkerJob | None:
        raise NotImplementedError


class FakeServer:
    """A server that gives a list of states; an error is raised, the last one is repeated."""

    def __init__(self, *states: State[Any] | Exception | None) -> None:
        self.answers = list(states)
        self.told: list[tuple[str, str]] = []

    async def states(self, runs: Collection[UUID]) -> dict[UUID, State[Any]]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict.fromkeys(runs, answer) if answer else {}

    async def set_crashed(self, run: FlowRun, message: str) -> None:
        self.told.append(("Crashed", message))

    async def set_cancelled(self, run: FlowRun, message: str) -> None:
        self.told.append(("Cancelled", message))

    def log(self, run: FlowRun | None) -> logging.Logger:
        return logging.getLogger("rios_flows.test")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("GRACE", "FORCE", "LOG_DELAY"):
        monkeypatch.setattr(rounds, name, 0.05)
    for name in ("LOOK", "NEWS"):
        monkeypatch.setattr(rounds, name, 0.0)
    for name in ("PAUSE", "HURRY"):
        monkeypatch.setattr(rounds, name, 0.005)
    caplog.set_level(logging.INFO)


def follow(desk: FakeDesk, server: FakeServer, log: Path | None = None) -> WorkerJob:
    """Follow a job to its end."""
    job = WorkerJob(0, "17", "demo", "pending", log=log)
    run = FlowRun(flow_id=uuid4())
    going = Rounds(desk, server)
    found: list[WorkerJob] = []

    async def both() -> None:
        async def one() -> None:
            found.append(await going.follow(run, job))

        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(one)
                await anyio.sleep(0)
                assert run.id in going
                group.start_soon(going.go)
        assert run.id not in going
        assert not going.going

    anyio.run(both)
    return found[0]


CRASH = ("Crashed", "Job 17 (demo, on n1) ended without a word: OOM\nIts log ends:\nlast words")


def test_a_job_that_ends_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    desk, server = FakeDesk(PENDS, RUNS, RUNS, ENDED), FakeServer(Running())
    assert follow(desk, server).host == "n1"
    assert server.told == [CRASH]
    assert desk.kept == [True]
    assert [record.getMessage() for record in caplog.records] == [
        "Job 17 pends",
        "Job 17 pends: Resources",
        "Job 17 runs on n1",
        "Job 17 has ended: OOM",
        "The log of job 17 ends:\nlast words",
    ]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (Pending(), "Crashed"),
        (Running(), "Crashed"),
        (Paused(timeout_seconds=99), "Crashed"),
        (Cancelling(), "Cancelled"),
        (Suspended(timeout_seconds=99), None),
        (Scheduled(), None),
        (AwaitingRetry(), None),
        (Completed(), None),
        (Failed(), None),
        (Crashed(), None),
        (Cancelled(), None),
        (None, None),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_what_a_state_means_when_the_job_has_ended(
    state: State[Any] | None, told: str | None
) -> None:
    desk, server = FakeDesk(RUNS, ENDED), FakeServer(state)
    follow(desk, server)
    assert [what for what, _ in server.told] == [told] * (told is not None)
    assert desk.cancelled == 0
    assert desk.kept == [state is None or state.name != "Completed"]
    if state is not None:
        assert is_unfinished(state) == (told == "Crashed")


def test_a_queue_that_gives_no_answer_loses_no_job(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rounds, "SILENCE", 0.02)
    desk, server = FakeDesk(RUNS, *[SILENT] * 20, RUNS, ENDED), FakeServer(Running())
    follow(desk, server)
    assert server.told == [CRASH]
    assert "The queue has given no answer for 0 s; jobs go on: no answer from squeue" in caplog.text


def test_a_job_is_gone_when_the_queue_does_not_know_it_twice() -> None:
    desk, server = FakeDesk(RUNS, None, RUNS, None, None), FakeServer(Running())
    assert follow(desk, server).reason == "no longer known to the queue"
    assert desk.answers == [None]
    assert "no longer known" in server.told[0][1]


def test_a_job_that_the_queue_does_not_know_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "NEWS", 1000.0)
    desk, server = FakeDesk(*[None] * 20, RUNS, ENDED), FakeServer(Running())
    follow(desk, server)
    assert server.told == [CRASH]
    monkeypatch.setattr(rounds, "NEWS", 0.1)
    # one that it never heard of does not last for ever
    assert follow(FakeDesk(None), server).reason == "no longer known to the queue"


def test_the_job_of_a_flow_run_that_was_deleted_is_ended() -> None:
    # one answer that lacks it is not enough
    desk, server = FakeDesk(*[RUNS] * 9, ENDED), FakeServer(Running(), None, *[Running()] * 20)
    follow(desk, server)
    assert desk.cancelled == 0
    for seen in (PENDS, RUNS):
        desk = FakeDesk(seen)
        follow(desk, FakeServer(Running(), None))
        assert desk.cancelled == 1


def test_a_server_that_is_away_hears_of_it_later() -> None:
    desk, server = FakeDesk(ENDED), FakeServer(*[OSError("away")] * 10, Running())
    follow(desk, server)
    assert [what for what, _ in server.told] == ["Crashed"]


def test_a_cancelled_run_may_end_by_itself() -> None:
    desk, server = FakeDesk(RUNS, RUNS, ENDED), FakeServer(Running(), Cancelling(), Cancelled())
    follow(desk, server)
    assert desk.cancelled == 0
    assert server.told == []


@pytest.mark.parametrize("state", [Cancelling(), Cancelled()], ids=lambda one: one.name)
def test_a_cancelled_run_that_goes_on_is_ended(state: State[Any]) -> None:
    desk, server = FakeDesk(RUNS), FakeServer(Running(), state)
    desk.refuses = 3
    follow(desk, server)
    assert desk.cancelled == 1
    told = [("Cancelled", "Job 17 was cancelled.")]
    assert server.told == (told if state.is_cancelling() else [])


def test_a_job_that_does_not_end_is_killed() -> None:
    desk, server = FakeDesk(RUNS), FakeServer(Running(), Cancelling())
    desk.stubborn = True
    follow(desk, server)
    assert (desk.cancelled, desk.killed) == (1, 1)


def test_a_flow_that_calls_its_cancelling_a_crash() -> None:
    server = FakeServer(Running(), *[Cancelling()] * 2, Crashed())
    follow(FakeDesk(*[RUNS] * 5, ENDED), server)
    assert [what for what, _ in server.told] == ["Cancelled"]


@pytest.mark.parametrize("state", [Cancelling(), Cancelled(), Failed()], ids=lambda one: one.name)
def test_a_job_that_nobody_waits_for_leaves_the_queue(
    monkeypatch: pytest.MonkeyPatch, state: State[Any]
) -> None:
    monkeypatch.setattr(rounds, "GRACE", 1000.0)
    desk = FakeDesk(PENDS)
    follow(desk, FakeServer(Pending(), state))
    assert desk.cancelled == 1


def test_a_run_that_is_complete_may_take_time_to_end() -> None:
    desk, server = FakeDesk(*[RUNS] * 20, ENDED), FakeServer(Completed())
    follow(desk, server)
    assert desk.cancelled == 0


def test_a_log_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    looks = []

    class LateLog(FakeServer):
        async def states(self, runs: Collection[UUID]) -> dict[UUID, State[Any]]:
            looks.append(1)
            if len(looks) == 3:
                (tmp_path / "log").touch()
            return await super().states(runs)

    follow(FakeDesk(ENDED), LateLog(Running()), tmp_path / "log")
    # one of them is that in the end
    assert len(looks) == 4
    follow(FakeDesk(ENDED), server := FakeServer(Running()), tmp_path / "none")
    assert server.told


def test_only_the_end_of_a_log_is_in_the_message() -> None:
    job = WorkerJob(0, "17", "demo", "ended")
    text = message(job, "\n".join(map(str, range(50))))
    assert text.startswith("Job 17 (demo) ended without a word: the queue gives no reason\n")
    assert text.splitlines()[1:] == ["Its log ends:", *map(str, range(30, 50))]


def test_a_server_that_tells_of_few_flow_runs_at_a_time() -> None:
    runs = {run.id: run for run in (FlowRun(flow_id=uuid4(), state=Running()) for _ in range(5))}

    async def some(flow_run_filter: FlowRunFilter) -> list[FlowRun]:
        # PREFECT_SERVER_API_DEFAULT_LIMIT may be less than its default
        assert flow_run_filter.id is not None
        return [runs[each] for each in flow_run_filter.id.any_ or () if each in runs][:2]

    worker: Any = SimpleNamespace(client=SimpleNamespace(read_flow_runs=some))
    states = anyio.run(_Server(worker).states, [*runs, uuid4()])
    assert states == {run.id: run.state for run in runs.values()}
