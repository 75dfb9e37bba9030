"""What happens when something fails while lanes run: who stops, how soon, and what is left."""

from __future__ import annotations

import itertools
import logging
import pickle
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import engine, rioserrors
from rios_flows.inputs.reading import read_input
from rios_flows.outputs.outputset import OutputSet
from rios_flows.runs import blockwork
from rios_flows.runs.lanes import Lane
from rios_flows.runs.stop import LaneStopped
from rios_flows.structures import CW_THREADS, ConcurrencyStyle
from tests.support.jobs import SmallJob, double, lanes_alive
from tests.support.styles import STYLES

PARALLEL = tuple(style for style in STYLES if style != "none")
WRITE = OutputSet.write

#: What is raised in a stage, and what comes out of apply().
ERRORS: dict[str, tuple[type[Exception], type[Exception]]] = {
    "read": (rioserrors.ImageReadError, rioserrors.ImageReadError),
    "compute": (ValueError, rioserrors.WorkerExceptionError),
    "write": (rioserrors.ImageWriteError, rioserrors.ImageWriteError),
}


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path, STYLES[request.param])


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert not lanes_alive()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


class Stages:
    """All three stages as a test wants them: each takes a while, and one fails at some call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failing: str, call: int) -> None:
        self.failing, self.call = failing, call
        self.starts: list[float] = []
        self.failed = 0.0
        self.takes = 0.03
        #: runs before the failure
        self.prelude: Callable[[], Any] = lambda: None
        self.calls = dict.fromkeys(ERRORS, 0)
        self._lock = threading.Lock()
        monkeypatch.setattr(blockwork, "read_input", self._around("read", read_input))
        monkeypatch.setattr(OutputSet, "write", self._around("write", WRITE))
        self.function = self._around("compute", double)

    def _around(self, stage: str, action: Callable[..., Any]) -> Callable[..., Any]:
        def around(*arguments: Any) -> Any:
            with self._lock:
                self.starts.append(time.perf_counter())
                self.calls[stage] += 1
                fails = stage == self.failing and self.calls[stage] == self.call
            if fails:
                self.prelude()
                self.failed = time.perf_counter()
                raise ERRORS[stage][0](f"{stage} fails")
            time.sleep(self.takes)
            return action(*arguments)

        return around


@pytest.mark.parametrize("failing", ["read", "compute", "write"])
def test_an_error_stops_every_lane_before_its_next_block(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    job.controls.setWindowSize(8, 8)
    job.controls.setBlockRetries(io=0)
    slowed = Stages(monkeypatch, failing, call=6)
    with pytest.raises(ERRORS[failing][1], match=f"{failing} fails"):
        job.run(slowed.function)
    assert time.perf_counter() - slowed.failed < 1
    # 130 blocks would go on for more than a second
    late = [start for start in slowed.starts if start > slowed.failed + 0.2]
    assert late == []
    assert slowed.calls["write"] < 100
    assert job.files() == job.before


@pytest.mark.parametrize("style", PARALLEL)
@pytest.mark.parametrize("failing", ["read", "compute", "write"])
def test_lanes_that_wait_without_end_are_woken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str, failing: str
) -> None:
    waits = ConcurrencyStyle(
        STYLES[style].numReadWorkers,
        STYLES[style].numComputeWorkers,
        STYLES[style].computeWorkerKind,
        readBufferInsertTimeout=None,
        readBufferPopTimeout=None,
        computeBufferInsertTimeout=None,
        computeBufferPopTimeout=None,
    )
    job = SmallJob(tmp_path, waits)
    job.controls.setBlockRetries(io=0)
    slowed = Stages(monkeypatch, failing, call=1)
    slowed.takes = 0
    # until the others have filled every buffer, or wait for the first block
    slowed.prelude = lambda: time.sleep(0.2)
    start = time.perf_counter()
    with pytest.raises(ERRORS[failing][1]):
        job.run(slowed.function)
    assert time.perf_counter() - start < 1
    assert job.files() == job.before


def test_the_message_tells_which_block_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # either lane may get its block first, and blocks may be read in any order
    calls, raising, first = itertools.count(), threading.Event(), []

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        if next(calls) == 0:
            first.append((info.yblock, info.xblock))
            raising.wait(5)
            time.sleep(0.4)
        else:
            time.sleep(0.1)
            raising.set()
            raise ValueError("meanwhile")

    job = SmallJob(tmp_path, STYLES["threads 2-2"])
    start = time.perf_counter()
    with (
        caplog.at_level(logging.WARNING, "rios_flows"),
        pytest.raises(rioserrors.WorkerExceptionError, match="meanwhile") as caught,
    ):
        job.run(function)
    # the block in hand is waited for: a running function cannot be interrupted
    assert 0.4 <= time.perf_counter() - start < 2
    row, column = first[0]
    busy = rf"compute-\d in the user function, block row {row}, column {column}, for \d\.\d s"
    notes = "\n".join(caught.value.__notes__)
    for text in (notes, caplog.text):
        assert len(re.findall(busy, text)) == 1
    assert "The run stops; waiting for" in caplog.text
    assert "When the run stopped" in notes


def test_a_sentence_has_one_full_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls = itertools.count()

    def reads(*arguments: Any) -> Any:
        if next(calls) == 0:
            raise rioserrors.ImageReadError("Read failed. See previous exception for details.")
        return read_input(*arguments)

    monkeypatch.setattr(blockwork, "read_input", reads)
    with caplog.at_level(logging.WARNING, "rios_flows"):
        SmallJob(tmp_path).run()
    assert "exception for details. Trying again, 2 of 3" in caplog.text


def test_nothing_is_told_of_where_nothing_is_in_hand(tmp_path: Path) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        raise ValueError("alone")

    with pytest.raises(rioserrors.WorkerExceptionError) as caught:
        SmallJob(tmp_path).run(function)
    assert not hasattr(caught.value, "__notes__")


def test_listeners_hear_of_the_error(job: SmallJob) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        raise ValueError("heard")

    with pytest.raises(rioserrors.WorkerExceptionError) as caught:
        job.run(function)
    assert job.heard.ends == [caught.value]
    assert job.heard.steps == []


@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_in_the_main_thread(job: SmallJob, count: int) -> None:
    main = threading.main_thread().ident
    assert main is not None
    pressed, lock = iter(range(count)), threading.Lock()

    def press(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        with lock:
            for _ in pressed:
                signal.pthread_kill(main, signal.SIGINT)
                time.sleep(0.1)
        time.sleep(0.1)

    with pytest.raises(KeyboardInterrupt):
        job.run(press)
    assert job.files() == job.before
    if count > 1:
        # python 3.11 cannot wait for the end of a thread when it is interrupted there
        time.sleep(0.05)


def test_system_exit_in_the_user_function(job: SmallJob) -> None:
    def leave(info: Any, inputs: Any, outputs: Any) -> None:
        raise SystemExit(3)

    job.controls.setBlockRetries(userFunction=2)
    with pytest.raises(SystemExit) as caught:
        job.run(leave)
    assert caught.value.code == 3
    assert job.files() == job.before


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


def test_the_first_error_counts(tmp_path: Path) -> None:
    both = threading.Barrier(2)
    style = ConcurrencyStyle(2, 2, CW_THREADS)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        if both.wait(5) == 0:
            raise ValueError("first")
        time.sleep(0.2)
        raise ValueError("second")

    with pytest.raises(rioserrors.WorkerExceptionError, match="first") as caught:
        SmallJob(tmp_path, style).run(function)
    assert "second" not in str(caught.value)


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


def test_a_script_catches_what_its_function_raised(job: SmallJob) -> None:
    bands: dict[str, int] = {}

    def missing(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image + bands["red"]

    with pytest.raises(KeyError, match="KeyError: 'red'") as caught:
        engine.apply(missing, job.infiles, job.outfiles, controls=job.controls)
    assert isinstance(caught.value, rioserrors.WorkerExceptionError)
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.args == ("red",)
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
    assert job.files() == job.before


def test_a_script_catches_what_is_raised_before_the_close(job: SmallJob) -> None:
    def close(dataset: Any) -> None:
        raise FileNotFoundError(2, "No such file or directory", "colours.txt")

    job.controls.setCallBeforeClose(close)
    with pytest.raises(FileNotFoundError) as caught:
        engine.apply(double, job.infiles, job.outfiles, controls=job.controls)
    assert isinstance(caught.value, rioserrors.WorkerExceptionError)
    assert caught.value.filename == "colours.txt"
