"""A block that fails is tried again: how often, what is recorded, and what each try finds."""

from __future__ import annotations

import itertools
import os
import shutil
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.inputs.reading import read_input
from rios_flows.outputs.outputset import OutputSet
from rios_flows.runs import blockwork
from rios_flows.runs.stop import Stop
from rios_flows.structures import CW_THREADS, ConcurrencyStyle
from tests.support.jobs import BLOCKS, SmallJob, double, lanes_alive
from tests.support.styles import STYLES
from tests.support.unsteady import LEFT, TOP, Unsteady, is_bad


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path, STYLES[request.param])


def fail_reading(
    monkeypatch: pytest.MonkeyPatch, failures: int, top: int = TOP, left: int = LEFT
) -> None:
    """Make reading of one block raise at first."""
    calls = Counter[Any]()

    def unsteady(pool: Any, plan: Any, item: Any, block: Any) -> Any:
        calls[block] += 1
        if (block.top, block.left) == (top, left) and calls[block] <= failures:
            raise rioserrors.ImageReadError(f"call {calls[block]}")
        return read_input(pool, plan, item, block)

    monkeypatch.setattr(blockwork, "read_input", unsteady)


def test_a_source_that_fails_twice(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_reading(monkeypatch, 2)
    rtn = job.run()
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    assert job.heard.attempts("read", TOP, LEFT) == [(1, "call 1"), (2, "call 2"), (3, "")]
    reads = [record for record in rtn.records if record.stage == "read"]
    assert len(reads) == BLOCKS + 2
    assert {record.attempt for record in reads if not record.error} == {1, 3}
    assert [record.nbytes for record in reads if record.error] == [0, 0]


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_a_file_that_is_away_for_a_while(tmp_path: Path, style: str) -> None:
    job = SmallJob(tmp_path, STYLES[style])
    job.controls.setBlockRetries(delay=0.5)
    prepared = job.prepare()
    path, away = tmp_path / "in.tif", tmp_path / "away.tif"
    path.rename(away)
    back = threading.Timer(0.7, away.rename, [path])
    back.start()
    job.execute(prepared)
    back.join()
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    attempts = job.heard.attempts("read", 0, 0)
    assert [number for number, _ in attempts] == [1, 2, 3]
    assert "in.tif" in attempts[0][1]
    assert "block row 0, column 0" in attempts[1][1]
    assert attempts[2][1] == ""


@pytest.mark.parametrize("style", ["none", "none, 2 readers"])
def test_a_file_is_opened_afresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    path, good = tmp_path / "in.tif", tmp_path / "good.tif"

    def mended(stop: Stop, seconds: float) -> None:
        if good.exists():
            good.replace(path)

    def cut_off(info: Any, inputs: Any, outputs: Any) -> None:
        # while it is open: what was opened never gets whole again
        if info.isFirstBlock():
            os.truncate(path, 1000)
            torn.set()
        double(info, inputs, outputs)

    def after_that(pool: Any, plan: Any, item: Any, block: Any) -> Any:
        if block.top > 0:
            assert torn.wait(10)
        return read_input(pool, plan, item, block)

    torn = threading.Event()
    job = SmallJob(tmp_path, STYLES[style])
    shutil.copy(path, good)
    monkeypatch.setattr(Stop, "wait", mended)
    monkeypatch.setattr(blockwork, "read_input", after_that)
    job.run(cut_off)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    assert any(record.error for record in job.heard.records)


@pytest.mark.parametrize(("tries", "last"), [(0, 1), (1, 2), (2, 3)])
def test_reading_that_goes_on_failing(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch, tries: int, last: int
) -> None:
    fail_reading(monkeypatch, 100)
    job.controls.setBlockRetries(io=tries, delay=0)
    with pytest.raises(rioserrors.ImageReadError, match=rf"^call {last}\b"):
        job.run()
    wanted = [(number, f"call {number}") for number in range(1, last + 1)]
    assert job.heard.attempts("read", TOP, LEFT) == wanted
    assert job.files() == job.before


def test_a_user_function_that_fails_twice(job: SmallJob) -> None:
    job.controls.setBlockRetries(userFunction=2, delay=0)
    rtn = job.run(Unsteady(2))
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    attempts = job.heard.attempts("compute", TOP, LEFT)
    assert [number for number, _ in attempts] == [1, 2, 3]
    for number, error in attempts[:2]:
        assert error.startswith("User function 'Unsteady' failed at block row 1, column 2 (")
        assert error.endswith(f"ValueError: call {number}")
    assert attempts[2][1] == ""
    assert len([record for record in rtn.records if record.stage == "compute"]) == BLOCKS + 2


@pytest.mark.parametrize(("tries", "last"), [(0, 1), (2, 3)])
def test_a_user_function_that_goes_on_failing(job: SmallJob, tries: int, last: int) -> None:
    function = Unsteady(100)
    job.controls.setBlockRetries(userFunction=tries, delay=0)
    with pytest.raises(rioserrors.WorkerExceptionError, match=f"ValueError: call {last}"):
        job.run(function)
    assert function.calls == last
    assert job.files() == job.before


def test_a_wrong_result_is_not_tried_again(job: SmallJob) -> None:
    calls = Counter[Any]()

    def forgetful(info: Any, inputs: Any, outputs: Any) -> None:
        calls[info.getBlockCount()] += 1
        if not is_bad(info):
            double(info, inputs, outputs)

    job.controls.setBlockRetries(userFunction=3, delay=0)
    with pytest.raises(rioserrors.KeysMismatch):
        job.run(forgetful)
    assert set(calls.values()) == {1}


def test_writing_that_fails_is_not_tried_again(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def failing(outputs: OutputSet, block: Any, arrays: Any) -> int:
        calls.append(block)
        raise rioserrors.ImageWriteError("no room")

    monkeypatch.setattr(OutputSet, "write", failing)
    with pytest.raises(rioserrors.ImageWriteError, match="no room"):
        job.run()
    assert len(calls) == 1


@pytest.mark.alone
def test_each_try_finds_the_input_as_it_was_read(job: SmallJob) -> None:
    files: list[str] = []

    def in_place(info: Any, inputs: Any, outputs: Any) -> None:
        original = inputs.image
        inputs.image *= 2
        unsteady(info, inputs, outputs)
        files.append(Path(info.getFilenameFor(original)).name)
        outputs.result = inputs.image

    unsteady = Unsteady(2)
    job.controls.setBlockRetries(userFunction=2, delay=0)
    job.run(in_place)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    assert files == ["in.tif"] * BLOCKS


def test_the_delay_is_kept(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.controls.setBlockRetries(userFunction=2, delay=0.15)
    rtn = job.run(Unsteady(2))
    tries = [record for record in rtn.records if record.block[:2] == (TOP, LEFT)]
    tries = [record for record in tries if record.stage == "compute"]
    assert len(tries) == 3
    for before, after in itertools.pairwise(tries):
        assert 0.14 <= after.start - before.end < 2


@pytest.mark.alone
@pytest.mark.parametrize("style", ["none, 2 readers", "threads 2-2"])
def test_the_delay_ends_when_another_lane_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    waits = threading.Event()
    wait = Stop.wait

    def watched(stop: Any, seconds: float) -> None:
        waits.set()
        wait(stop, seconds)

    def fails(info: Any, inputs: Any, outputs: Any) -> None:
        assert waits.wait(10)
        raise ValueError("enough")

    monkeypatch.setattr(Stop, "wait", watched)
    # while one reader waits to try the second block again, the function has the first
    fail_reading(monkeypatch, 100, 0, 32)
    job = SmallJob(tmp_path, STYLES[style])
    job.controls.setBlockRetries(io=100, delay=60)
    start = time.perf_counter()
    with pytest.raises(rioserrors.WorkerExceptionError, match="enough"):
        job.run(fails)
    assert time.perf_counter() - start < 1
    assert not lanes_alive()


def test_retries_are_not_timed_out(tmp_path: Path) -> None:
    style = ConcurrencyStyle(
        numReadWorkers=1,
        numComputeWorkers=1,
        computeWorkerKind=CW_THREADS,
        computeBufferPopTimeout=0.1,
        readBufferInsertTimeout=0.1,
    )
    job = SmallJob(tmp_path, style)
    job.controls.setBlockRetries(userFunction=2, delay=0.3)
    job.run(Unsteady(2))
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
