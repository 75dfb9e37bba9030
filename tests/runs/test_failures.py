"""What happens when something fails while lanes run: who stops, how soon, and what is left."""

from __future__ import annotations

import itertools
import logging
import pickle
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rios_flows import engine, rioserrors
from rios_flows.inputs.reading import read_input
from rios_flows.outputs.outputset import OutputSet
from rios_flows.runs import blockwork
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


@pytest.mark.alone
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


@pytest.mark.alone
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


@pytest.mark.alone
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


@pytest.mark.alone
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


@pytest.mark.alone
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
