"""What a user function may do to its worker, and what the run says then."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import shapely

from rios_flows import rioserrors
from rios_flows.inputs.reading import read_input
from rios_flows.runs import blockwork
from rios_flows.structures import CW_SUBPROC, CW_THREADS, ConcurrencyStyle
from rios_flows.workers.local import LocalProcesses
from tests.support.jobs import BLOCKS, SmallJob, lanes_alive
from tests.support.rasters import ORIGIN, RES
from tests.support.vectors import write_vector


def local(workers: int = 1, **settings: Any) -> ConcurrencyStyle:
    return ConcurrencyStyle(0, workers, CW_SUBPROC, computeWorkersRead=True, **settings)


@pytest.fixture
def job(tmp_path: Path) -> SmallJob:
    job = SmallJob(tmp_path, local())
    job.controls.setBlockRetries(userFunction=0, io=0)
    return job


@pytest.fixture(autouse=True)
def nobody_is_left() -> Any:
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before
    assert not lanes_alive()


def test_other_args_that_can_be_sent_no_more(job: SmallJob) -> None:
    def keep_a_lock(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        outputs.result = inputs.image
        other["tools"] = [threading.Lock()]

    with pytest.raises(rioserrors.ParameterError, match=r"otherArgs\['tools'\]\[0\]") as caught:
        job.run(keep_a_lock, {})
    assert "in worker 0 (" in "".join(traceback.format_exception(caught.value))
    assert job.files() == job.before


def test_what_is_written_nowhere_stays_there(job: SmallJob) -> None:
    def leave_a_lock(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image * 2
        outputs.tool = threading.Lock()

    job.run(leave_a_lock)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_pixels_that_cannot_be_sent(job: SmallJob) -> None:
    def fill_with_locks(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = np.full(inputs.image.shape, threading.Lock(), dtype=object)

    with pytest.raises(rioserrors.JobMgrError, match=r"worker 0 \(.*cannot go on: .*pickle"):
        job.run(fill_with_locks)
    assert job.files() == job.before


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, GeneratorExit])
def test_errors_that_end_other_programs(error: type[BaseException], job: SmallJob) -> None:
    def fail(info: Any, inputs: Any, outputs: Any) -> None:
        raise error("enough")

    expected = rioserrors.WorkerExceptionError if issubclass(error, Exception) else error
    with pytest.raises(expected, match="enough"):
        job.run(fail)
    assert job.files() == job.before


def test_an_error_that_cannot_be_pickled_with_a_huge_message_and_a_cycle(job: SmallJob) -> None:
    def fail(info: Any, inputs: Any, outputs: Any) -> None:
        class Odd(Exception):
            def __init__(self, message: str, lock: Any) -> None:
                super().__init__(message)
                self.lock, self.again = lock, self

        first = ValueError("first")
        odd = Odd("tale " * 400_000, threading.Lock())
        first.__cause__, odd.__cause__ = odd, first
        raise odd

    with pytest.raises(rioserrors.WorkerExceptionError, match="Odd: tale tale"):
        job.run(fail)


def test_children_that_outlive_a_worker(job: SmallJob) -> None:
    """They have what the worker had open, and would have the run wait for ever."""

    def die_once(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image * 2
        if not mark.exists():
            mark.touch()
            subprocess.Popen(["sleep", "1000"], close_fds=False)
            if not os.fork():
                time.sleep(1000)
            os.kill(os.getpid(), signal.SIGSEGV)

    mark = job.folder / "mark"
    job.run(die_once)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_children_that_say_something(job: SmallJob, caplog: pytest.LogCaptureFixture) -> None:
    """They do not get into the worker's conversation."""

    def fork(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image * 2
        if not (child := os.fork()):
            for number in range(1000):
                print("child", number, "x" * 50_000 * (number % 100 == 0))  # noqa: T201
            os._exit(0)
        print("begun", end="")  # noqa: T201
        os.waitpid(child, 0)

    caplog.set_level(logging.INFO)
    job.run(fork)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    (line,) = [record.getMessage() for record in caplog.records if "begun" in record.getMessage()]
    assert line.endswith(": " + "begun" * BLOCKS)


def test_a_function_that_hangs(job: SmallJob) -> None:
    def hang(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image
        if info.getBlockCount() == (2, 1):
            time.sleep(1000)

    told = []
    for style in (
        local(computeBufferPopTimeout=2),
        ConcurrencyStyle(1, 1, CW_SUBPROC, computeBufferPopTimeout=2),
    ):
        job.controls.setConcurrencyStyle(style)
        start = time.monotonic()
        with pytest.raises(rioserrors.TimeoutError) as caught:
            job.run(hang)
        assert time.monotonic() - start < 15
        told.append(str(caught.value))
        assert job.files() == job.before
    for text in told:
        assert "computeBufferPopTimeout (current value = 2)" in text
        assert "compute-0 in the user function, block row 1, column 2" in text


def test_a_reader_that_waits_for_workers(job: SmallJob) -> None:
    def hang(info: Any, inputs: Any, outputs: Any) -> None:
        time.sleep(1000)

    style = ConcurrencyStyle(1, 1, CW_SUBPROC, readBufferInsertTimeout=1)
    job.controls.setConcurrencyStyle(style)
    with pytest.raises(
        rioserrors.TimeoutError, match=r"InsertTimeout \(current value = 1\)"
    ) as told:
        job.run(hang)
    assert "compute-0 in the user function, block row 0, column 0" in str(told.value)
    assert job.files() == job.before


def test_workers_that_wait_for_a_reader(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_slowly(*arguments: Any) -> Any:
        time.sleep(3)
        return read_input(*arguments)

    monkeypatch.setattr(blockwork, "read_input", read_slowly)
    style = ConcurrencyStyle(1, 1, CW_SUBPROC, readBufferPopTimeout=1)
    job.controls.setConcurrencyStyle(style)
    with pytest.raises(rioserrors.TimeoutError, match="readBufferPopTimeout") as told:
        job.run()
    assert "read-0 in reading, block row 0, column" in str(told.value)
    assert job.files() == job.before


def test_timeouts_rest_while_a_worker_is_replaced(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = LocalProcesses.start

    def late(self: LocalProcesses, numbers: Any) -> None:
        time.sleep(3 * (0 not in numbers))
        start(self, numbers)

    def die_once(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image * 2
        if not mark.exists():
            mark.touch()
            os._exit(1)

    mark = job.folder / "mark"
    monkeypatch.setattr(LocalProcesses, "start", late)
    job.controls.setConcurrencyStyle(local(computeBufferPopTimeout=2))
    job.run(die_once)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_a_worker_that_does_not_come(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    (job.folder / "sitecustomize.py").write_text("import time; time.sleep(1000)")
    monkeypatch.setenv("PYTHONPATH", str(job.folder))
    job.controls.setConcurrencyStyle(local(computeBarrierTimeout=0.5))
    with pytest.raises(rioserrors.TimeoutError, match=r"0 of 1 compute workers .*=0\.5 s"):
        job.run()


def test_a_worker_that_cannot_start(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    (job.folder / "sitecustomize.py").write_text("import os; print('no licence'); os._exit(3)")
    monkeypatch.setenv("PYTHONPATH", str(job.folder))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    with pytest.raises(rioserrors.JobMgrError, match=r"(?s)exit code 3.*no licence"):
        job.run()


def test_a_machine_that_has_no_room_for_one(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/no/such/python")
    with pytest.raises(rioserrors.JobMgrError, match=r"cannot be started on this machine: .*such"):
        job.run()
    assert job.files() == job.before


def test_a_machine_that_has_no_thread_left(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    children = psutil.Process().children()
    with pytest.raises(
        rioserrors.JobMgrError, match=r"started on this machine: No thread.* worker-0: can't"
    ):
        job.run()
    assert psutil.Process().children() == children
    job.controls.setConcurrencyStyle(ConcurrencyStyle(1, 1, CW_THREADS))
    with pytest.raises(rioserrors.UnavailableError, match=r"No thread .* read-0: .*fewer workers"):
        job.run()
    assert job.files() == job.before


def test_an_error_of_a_class_that_only_the_worker_knows(job: SmallJob, tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "only_there.py").write_text("class Lost(Exception):\n    pass\n")

    def get_lost(info: Any, inputs: Any, outputs: Any) -> None:
        import importlib
        import sys

        sys.path.append(str(folder))
        outputs.result = inputs.image
        if info.getBlockCount() == (2, 1):
            raise importlib.import_module("only_there").Lost("in the woods")

    with pytest.raises(
        rioserrors.WorkerExceptionError, match=r"block row 1, column 2 .* Lost: in the woods"
    ) as caught:
        job.run(get_lost)
    assert 'Lost("in the woods")' in "".join(traceback.format_exception(caught.value))
    assert not lanes_alive()


def test_messages_are_those_of_threads(job: SmallJob) -> None:
    def fail(info: Any, inputs: Any, outputs: Any) -> None:
        raise ZeroDivisionError("no trees")

    told = []
    for style in (local(), ConcurrencyStyle(1, 1, CW_THREADS)):
        job.controls.setConcurrencyStyle(style)
        with pytest.raises(rioserrors.WorkerExceptionError) as caught:
            job.run(fail)
        told.append(str(caught.value))
    assert told[0] == told[1]


def fail_somewhere(info: Any, inputs: Any, outputs: Any) -> None:
    raise KeyError(os.getpid())


def test_an_error_names_the_worker(job: SmallJob) -> None:
    with pytest.raises(rioserrors.WorkerExceptionError) as caught:
        job.run(fail_somewhere)
    process = re.escape(f":{caught.value.__cause__.args[0]}")  # type: ignore[union-attr]
    notes = [note for note in caught.value.__notes__ if note.startswith("It was ")]
    assert len(notes) == 1
    assert re.fullmatch(rf"It was worker \d+ \(\S+{process}\)", notes[0])


def test_temporary_files_of_a_worker_that_is_killed(job: SmallJob) -> None:
    def die_once(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image * inputs.shapes
        if not mark.exists():
            mark.touch()
            assert list(mark.parent.glob("rios_*/**/*.tif"))
            os.kill(os.getpid(), signal.SIGKILL)

    mark = job.folder / "mark"
    shape = shapely.Point(ORIGIN[0] + 40 * RES, ORIGIN[1] - 40 * RES).buffer(30 * RES)
    job.infiles.shapes = write_vector(job.folder / "shapes.gpkg", [shape])
    # such ones are burnt whole, into a file
    job.controls.setAlltouched(True, "shapes")
    job.controls.setTempdir(str(job.folder))
    job.controls.setReferenceImage("image")
    job.run(die_once)
    assert mark.exists()
    assert not list(job.folder.glob("rios_*"))
