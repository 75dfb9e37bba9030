"""Workers that come, are lost, and are replaced; launched by nobody in particular."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rios_flows import rioserrors
from rios_flows.workers.crew import Crew
from rios_flows.workers.hello import Hello, hello
from rios_flows.workers.sharedmemory import LocalConnection
from tests.support.fakelauncher import FakeLauncher
from tests.support.queues import wait_until


class Company:
    """A crew of two, its launcher, and the workers' ends of the connections."""

    def __init__(self, patience: float | None = 10, number: int = 2, **more: Any) -> None:
        self.launcher = FakeLauncher()
        self.crew = Crew(number, patience, 0.01, **more)
        self.ends: list[socket.socket] = []

    def come(self, number: int, said: Hello | None = None) -> None:
        one, other = socket.socketpair()
        self.ends.append(other)
        self.crew.arrive(
            LocalConnection(one), said or hello(number, {"SLURM_JOB_ID": f"4{number}"})
        )

    def close(self) -> None:
        self.crew.close()
        for end in self.ends:
            end.close()


@pytest.fixture(autouse=True)
def nobody_waits_for_jobs_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rios_flows.workers.jobwatch._TIME_TO_GO", 0)


@pytest.fixture
def company() -> Iterator[Company]:
    company = Company()
    yield company
    company.close()
    assert company.launcher.closed


def test_all_have_to_come_before_the_first_begins(company: Company) -> None:
    company.crew.start(company.launcher)
    waiting = threading.Thread(target=company.crew.wait_for_all)
    waiting.start()
    company.come(0)
    waiting.join(0.1)
    assert waiting.is_alive()
    company.come(1)
    waiting.join(10)
    assert not waiting.is_alive()
    names = {company.crew.take().name, company.crew.take().name}
    assert {name.partition(" (")[0] for name in names} == {"worker 0", "worker 1"}
    assert all("job 4" in name for name in names)


def test_too_few_in_time_and_what_keeps_them() -> None:
    company = Company(patience=0.2)
    company.crew.start(company.launcher)
    company.launcher.seen[1] = replace(company.launcher.seen[1], reason="Resources")
    company.come(0)
    with pytest.raises(rioserrors.TimeoutError, match=r"1 of 2 .*=0\.2 s.*41.*pending: Resources"):
        company.crew.wait_for_all()
    company.close()


def test_a_long_wait_is_explained_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rios_flows.workers.crew._QUIET", 0.2)
    company = Company(patience=None)
    company.crew.start(company.launcher)
    company.launcher.seen[1] = replace(company.launcher.seen[1], reason="Resources")
    company.come(0)
    lanes = [threading.Thread(target=company.crew.wait_for_all) for _ in range(2)]
    for lane in lanes:
        lane.start()
    wait_until(lambda: caplog.records)
    company.come(1)
    for lane in lanes:
        lane.join(10)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "1 of 2 compute workers have come after 0.2 s. " in record.getMessage()
    assert "41 (job-1) is pending: Resources" in record.getMessage()
    company.close()


def test_a_queue_that_refuses(company: Company) -> None:
    company.launcher.refusal = rioserrors.JobMgrError("no such partition")
    with pytest.raises(rioserrors.JobMgrError, match="no such partition"):
        company.crew.start(company.launcher)


def test_a_program_that_cannot_start_ends_the_run(company: Company, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(f"line {number}" for number in range(100)) + "\nno such module\n")
    company.crew.start(company.launcher)
    company.launcher.end(0, "exit code 1", log)
    with pytest.raises(rioserrors.JobMgrError) as caught:
        company.crew.wait_for_all()
    message = str(caught.value)
    assert "Job 40 (job-0) ended before its worker came: exit code 1" in message
    assert message.endswith("no such module")
    assert "line 51\n" in message
    assert "line 50\n" not in message


def test_a_job_that_is_killed_before_it_starts_is_replaced(company: Company) -> None:
    company.crew.start(company.launcher)
    company.launcher.end(1, "NODE_FAIL")
    wait_until(lambda: company.launcher.started == [[0, 1], [2]])
    company.come(0)
    company.come(2)
    company.crew.wait_for_all()


def test_replacements_are_bounded(company: Company) -> None:
    company.crew.start(company.launcher)
    company.come(0)
    company.come(1)
    last = company.crew.take()
    for number in range(2, 7):
        lost, last = last, company.crew.take()
        company.launcher.end(lost.hello.number, "OUT_OF_MEMORY")
        assert "OUT_OF_MEMORY" in company.crew.lost(lost, "")
        if number < 6:
            wait_until(lambda: len(company.launcher.started) == number)  # noqa: B023
            company.come(number)
    assert company.launcher.started == [[0, 1], [2], [3], [4], [5]]
    company.launcher.end(last.hello.number, "NODE_FAIL")
    company.crew.lost(last, "")
    with pytest.raises(rioserrors.WorkerLostError, match=r"OUT_OF_MEMORY.*NODE_FAIL.*4 repl"):
        company.crew.take()


def test_each_block_with_a_worker_of_its_own_may_lose_some() -> None:
    company = Company(number=0)
    company.crew.start(company.launcher)
    for number in range(0, 12, 2):
        work_on_a_block_and_lose_one(company, number)
    company.close()


def work_on_a_block_and_lose_one(company: Company, number: int) -> None:
    company.crew.order()
    company.come(number)
    lost = company.crew.take()
    wait_until(lambda: number in company.launcher.seen)
    company.launcher.end(number, "NODE_FAIL")
    company.crew.lost(lost, "")
    company.come(number + 1)
    company.crew.dismiss(company.crew.take())


def test_whoever_waits_for_a_worker_gets_that_of_a_lane_that_is_done(company: Company) -> None:
    company.crew.start(company.launcher)
    company.come(0)
    worker = company.crew.take()
    taken = []
    waiting = threading.Thread(target=lambda: taken.append(company.crew.take()))
    waiting.start()
    company.crew.leave(worker)
    waiting.join(10)
    assert taken == [worker]


def test_other_versions_are_refused(company: Company) -> None:
    company.crew.start(company.launcher)
    said = hello(0)
    company.come(0, replace(said, versions=replace(said.versions, numpy="1.9.3")))
    with pytest.raises(rioserrors.JobMgrError, match=r"1\.9\.3"):
        company.crew.wait_for_all()


def test_patch_levels_are_told_once(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    company.crew.start(company.launcher)
    for number in range(2):
        said = hello(number)
        python = f"{said.versions.python.rpartition('.')[0]}.99"
        company.come(number, replace(said, versions=replace(said.versions, python=python)))
    assert len([record for record in caplog.records if ".99" in record.getMessage()]) == 1


def test_who_has_done_something_is_replaced_as_often_as_need_be(company: Company) -> None:
    company.crew.start(company.launcher)
    for number in range(2):
        company.come(number)
    for number in range(2, 12):
        worker = company.crew.take()
        worker.useful = True
        company.launcher.end(worker.hello.number, "TIMEOUT")
        company.crew.lost(worker, "")
        wait_until(lambda: len(company.launcher.started) == number)  # noqa: B023
        company.come(number)


def test_a_long_wait_for_a_replacement_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rios_flows.workers.crew._QUIET", 0.2)
    company = Company(patience=None, number=1)
    company.crew.start(company.launcher)
    company.come(0)
    lost = company.crew.take()
    company.launcher.end(0, "PREEMPTED")
    company.crew.lost(lost, "")
    wait_until(lambda: 1 in company.launcher.seen)
    company.launcher.seen[1] = replace(company.launcher.seen[1], reason="it is paused")
    caplog.clear()
    found: list[str] = []
    lane = threading.Thread(target=lambda: found.append(company.crew.take().name))
    lane.start()
    wait_until(lambda: "job-1) is pending: it is paused" in caplog.text)
    assert "No compute worker has come for 0.2 s in place of those" in caplog.text
    company.come(1)
    lane.join(10)
    assert [name.partition(" (")[0] for name in found] == ["worker 1"]
    company.close()


@pytest.mark.parametrize("times", [1, 10])
def test_a_queue_that_refuses_a_replacement(
    times: int, company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    company.crew.start(company.launcher)
    company.come(0)
    company.come(1)
    first, second = company.crew.take(), company.crew.take()
    company.launcher.refusal, company.launcher.refusals = rioserrors.JobMgrError("busy"), times
    company.launcher.end(0, "NODE_FAIL")
    company.crew.lost(first, "")
    wait_until(lambda: caplog.text.count("busy. ") == min(times, 3))
    if times == 1:
        wait_until(lambda: company.launcher.started == [[0, 1], [2]])
        return
    assert "busy. Others go on" in caplog.text
    company.crew.leave(second)
    assert company.crew.take() is second


def test_who_comes_uncalled_is_not_taken_for_a_job(company: Company) -> None:
    company.crew.start(company.launcher)
    for number in (-1, 0, 1, 1):
        company.come(number)
    company.crew.wait_for_all()
    names = [company.crew.take().name.partition(" (")[0] for _ in range(4)]
    assert names == ["worker 2", "worker 0", "worker 1", "worker 3"]


def test_jobs_may_end_by_themselves_after_the_work(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rios_flows.workers.jobwatch._TIME_TO_GO", 10)
    company.crew.start(company.launcher)
    company.come(0)
    # the other one has not come, and so is cancelled
    timer = threading.Timer(0.2, lambda: company.launcher.end(0, "exit code 0"))
    timer.start()
    company.crew.close()
    timer.join()
    assert [job.reason for job in company.launcher.jobs()] == ["exit code 0", "cancelled"]


@pytest.fixture
def growing() -> Iterator[Company]:
    """Give the test a crew of two that may become seven; as many lanes begin."""
    company = Company(number=2, lanes=7, grows=True)
    company.crew.start(company.launcher)
    company.come(0)
    company.come(1)
    assert [company.crew.lane_begins() for _ in range(7)] == [True] * 2 + [False] * 5
    yield company
    company.close()


def all_busy(company: Company, count: int, left: int = 100) -> None:
    """Have the next workers come, and bring a block home one after the other."""
    for _ in range(count):
        worker = company.crew.take()
        worker.useful = True
        company.crew.grow(left)


def test_as_many_again_when_all_are_busy(growing: Company) -> None:
    all_busy(growing, 1)
    # the other one has brought nothing yet
    assert growing.launcher.started == [[0, 1]]
    all_busy(growing, 1)
    wait_until(lambda: [*growing.launcher.seen] == [0, 1, 2, 3])
    growing.come(2)
    all_busy(growing, 1)
    # those that were asked for come first
    assert [*growing.launcher.seen] == [0, 1, 2, 3]
    growing.come(3)
    all_busy(growing, 1)
    wait_until(lambda: [*growing.launcher.seen] == list(range(7)))
    for number in (4, 5, 6):
        growing.come(number)
    all_busy(growing, 3)
    assert [*growing.launcher.seen] == list(range(7))


@pytest.mark.parametrize(("left", "more"), [(0, 0), (1, 1), (9, 2)])
def test_no_more_than_there_are_blocks_left(left: int, more: int, growing: Company) -> None:
    all_busy(growing, 2, left)
    wait_until(lambda: len(growing.launcher.seen) == 2 + more)
    # and no other has been asked for
    assert len(growing.crew._orders.expected) == more


def test_fewer_workers_than_lanes_from_the_start() -> None:
    company = Company(number=7, lanes=7, most=3)
    company.crew.start(company.launcher)
    assert company.launcher.started == [[0, 1, 2]]
    for number in range(3):
        company.come(number)
    assert [company.crew.lane_begins() for _ in range(7)] == [True] * 3 + [False] * 4
    worker, *_ = [company.crew.take() for _ in range(3)]
    joining = threading.Thread(target=lambda: company.crew.join())
    joining.start()
    joining.join(0.1)
    assert joining.is_alive()
    # a lane that leaves has found no block
    company.crew.leave(worker)
    joining.join(10)
    assert not joining.is_alive()
    assert company.crew.join() is None
    company.close()


def test_who_joins_takes_no_worker_of_the_first_lanes(growing: Company) -> None:
    joined: list[object] = []
    joining = threading.Thread(target=lambda: joined.append(growing.crew.join()))
    joining.start()
    joining.join(0.1)
    assert not joined
    all_busy(growing, 2)
    growing.come(2)
    joining.join(10)
    assert [worker.hello.number for worker in joined] == [2]  # type: ignore[attr-defined]


def test_one_more_that_cannot_start_does_not_end_the_run(
    growing: Company, caplog: pytest.LogCaptureFixture
) -> None:
    all_busy(growing, 2, left=1)
    for number in range(2, 2 + 7):
        wait_until(lambda: number in growing.launcher.seen)  # noqa: B023
        growing.launcher.end(number, "exit code 1")
    wait_until(lambda: "exit code 1. Others go on" in caplog.text)
    growing.crew.wait_for_all()


@pytest.mark.parametrize("patience", [60, None])
def test_a_queue_that_refuses_a_replacement_before_all_have_come(patience: float | None) -> None:
    company = Company(patience)
    company.crew.start(company.launcher)
    company.come(0)
    company.launcher.refusal, company.launcher.refusals = rioserrors.JobMgrError("busy"), 10
    company.launcher.end(1, "NODE_FAIL")
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            company.crew.wait_for_all()
        except rioserrors.JobMgrError as error:
            errors.append(error)

    # a run that waits for workers that cannot come would wait without end
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    waiting.join(20)
    assert [str(error) for error in errors] == ["busy"]
    company.close()
