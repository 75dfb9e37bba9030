"""Runs in other threads, at the same time, inside each other, and under a runner."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.runs.lanes import Lane
from rios_flows.runs.stop import LaneStopped
from tests.support.jobs import SmallJob, double, lanes_alive
from tests.support.styles import STYLES


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path, STYLES[request.param])


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert not lanes_alive()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def in_thread(action: Callable[[], Any]) -> Any:
    """Do something in a thread of its own, and return or raise what it does."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(action())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, name="elsewhere")
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def test_a_run_in_another_thread(job: SmallJob) -> None:
    in_thread(job.run)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_an_error_in_another_thread(job: SmallJob) -> None:
    def fails(info: Any, inputs: Any, outputs: Any) -> None:
        raise ValueError("elsewhere")

    with pytest.raises(rioserrors.WorkerExceptionError, match="elsewhere"):
        in_thread(lambda: job.run(fails))
    assert job.files() == job.before


def test_several_runs_at_the_same_time(tmp_path: Path) -> None:
    jobs = []
    for number, style in enumerate(STYLES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        jobs.append(SmallJob(folder, style))
    everyone = threading.Barrier(len(jobs))

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        if info.isFirstBlock():
            everyone.wait(10)
        double(info, inputs, outputs)

    threads = [threading.Thread(target=job.run, args=(function,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for job in jobs:
        np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_one_of_several_runs_fails(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    good = SmallJob(tmp_path / "good", STYLES["threads 2-2"])
    bad = SmallJob(tmp_path / "bad", STYLES["threads 2-2"])
    failed = threading.Event()

    def waits(info: Any, inputs: Any, outputs: Any) -> None:
        assert failed.wait(10)
        double(info, inputs, outputs)

    def fails(info: Any, inputs: Any, outputs: Any) -> None:
        raise ValueError("only mine")

    thread = threading.Thread(target=good.run, args=(waits,))
    thread.start()
    with pytest.raises(rioserrors.WorkerExceptionError):
        bad.run(fails)
    failed.set()
    thread.join(30)
    np.testing.assert_array_equal(good.result(), good.pixels * 2)
    assert bad.files() == bad.before


def test_a_run_inside_a_user_function(job: SmallJob) -> None:
    inner = job.folder / "inner"
    inner.mkdir()
    small = SmallJob(inner, job.controls.concurrency)
    lock = threading.Lock()

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        with lock:
            small.run()
            doubled = small.result()
        top, left = 32 * info.yblock, 32 * info.xblock
        outputs.result = doubled[:, top : top + info.blockheight, left : left + info.blockwidth]

    job.run(function)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_an_error_of_a_run_inside_a_user_function(job: SmallJob) -> None:
    inner = job.folder / "inner"
    inner.mkdir()
    small = SmallJob(inner)
    job.before = job.files()

    def fails(info: Any, inputs: Any, outputs: Any) -> None:
        raise ValueError("innermost")

    lock = threading.Lock()

    def outer(info: Any, inputs: Any, outputs: Any) -> None:
        # one output has one run that writes it
        with lock:
            small.run(fails)

    with pytest.raises(rioserrors.WorkerExceptionError, match="innermost") as caught:
        job.run(outer)
    assert isinstance(caught.value.__cause__, rioserrors.WorkerExceptionError)
    assert isinstance(caught.value.__cause__.__cause__, ValueError)
    assert job.files() == job.before


@pytest.mark.alone
def test_a_runner_that_is_cancelled(job: SmallJob) -> None:
    class Cancelled(BaseException):
        pass

    started = threading.Event()
    stopped: list[str] = []

    def cancelled(lanes: Sequence[Lane]) -> None:
        def quietly(lane: Lane) -> None:
            # who has nothing more to do by then just returns
            try:
                lane.run()
            except LaneStopped:
                stopped.append(lane.name)

        for lane in lanes:
            threading.Thread(target=quietly, args=(lane,), name=lane.name).start()
        assert started.wait(10)
        raise Cancelled

    def slow(info: Any, inputs: Any, outputs: Any) -> None:
        started.set()
        time.sleep(0.1)
        double(info, inputs, outputs)

    with pytest.raises(Cancelled):
        job.execute(job.prepare(slow), cancelled)
    time.sleep(0.1)
    assert stopped
    assert job.files() == job.before


def test_a_runner_that_forgets_a_lane(job: SmallJob) -> None:
    with pytest.raises(RuntimeError, match="not every lane was run"):
        job.execute(job.prepare(), lambda lanes: None)
    assert job.files() == job.before
