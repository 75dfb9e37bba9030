"""The four waits between lanes: each names its parameter and who is slow; None has no end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.inputs.reading import read_input
from rios_flows.outputs.outputset import OutputSet
from rios_flows.runs import blockwork, buffers
from rios_flows.runs.clock import RunClock
from rios_flows.structures import CW_THREADS, ConcurrencyStyle, FilenameAssociations
from tests.support.rasters import coordinates, read_raster, write_raster

SLOW = 0.25
SHORT = 0.1


def double(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image * 2


def slow_double(info: Any, inputs: Any, outputs: Any) -> None:
    time.sleep(SLOW)
    double(info, inputs, outputs)


def slowly(function: Callable[..., Any]) -> Callable[..., Any]:
    def slow(*arguments: Any) -> Any:
        time.sleep(SLOW)
        return function(*arguments)

    return slow


def run(folder: Path, function: Callable[..., None], style: ConcurrencyStyle) -> None:
    pixels = coordinates(1, 48, 24, "int16")
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.image = write_raster(folder / "in.tif", pixels)
    outfiles.result = folder / "out.tif"
    controls = ApplierControls()
    controls.setWindowSize(24, 8)
    controls.setConcurrencyStyle(style)
    engine.apply(function, infiles, outfiles, controls=controls)
    np.testing.assert_array_equal(read_raster(folder / "out.tif"), pixels * 2)


def style(workers: int, **timeouts: float | None) -> ConcurrencyStyle:
    kind = {"numComputeWorkers": workers, "computeWorkerKind": CW_THREADS} if workers else {}
    return ConcurrencyStyle(numReadWorkers=1, **kind, **timeouts)  # type: ignore[arg-type]


@pytest.fixture
def slow_stage(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Callable[..., None]]:
    def choose(stage: str) -> Callable[..., None]:
        if stage == "read":
            monkeypatch.setattr(blockwork, "read_input", slowly(read_input))
        if stage == "write":
            monkeypatch.setattr(OutputSet, "write", slowly(OutputSet.write))
        return slow_double if stage == "compute" else double

    return choose


CASES = [
    ("readBufferInsertTimeout", 0, "compute", "the user function"),
    ("readBufferInsertTimeout", 1, "compute", "the user function"),
    ("readBufferPopTimeout", 0, "read", "reading"),
    ("readBufferPopTimeout", 1, "read", "reading"),
    ("computeBufferInsertTimeout", 1, "write", "writing"),
    ("computeBufferPopTimeout", 1, "compute", "the user function"),
]


@pytest.mark.alone
@pytest.mark.parametrize(("parameter", "workers", "slow", "doing"), CASES)
def test_timeout(
    tmp_path: Path,
    slow_stage: Callable[[str], Callable[..., None]],
    parameter: str,
    workers: int,
    slow: str,
    doing: str,
) -> None:
    threads = threading.active_count()
    with pytest.raises(rioserrors.TimeoutError) as caught:
        run(tmp_path, slow_stage(slow), style(workers, **{parameter: SHORT}))
    message = str(caught.value)
    assert f"Try increasing {parameter} (current value = {SHORT})" in message
    assert f"in {doing}, block row" in message
    assert isinstance(caught.value, TimeoutError)
    assert threading.active_count() == threads
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


TIMEOUTS = sorted({parameter for parameter, *_ in CASES})

#: How many seconds of a run go by in one of ours; the slow stage is slower than any default then.
SPEED = 100


class HastyCondition(threading.Condition):
    """Waits as if time went by faster."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(None if timeout is None else timeout / SPEED)


@pytest.fixture
def fast_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a run's clock go faster."""
    now = RunClock.now
    monkeypatch.setattr(RunClock, "now", lambda clock: now(clock) * SPEED)
    monkeypatch.setattr(buffers, "Condition", HastyCondition)


def only(parameter: str, **timeouts: float | None) -> dict[str, float | None]:
    """Return timeouts that never end a run, but for one; that has its default if none is given."""
    never: dict[str, float | None] = dict.fromkeys(set(TIMEOUTS) - {parameter}, 1e6)
    return never | timeouts


@pytest.mark.parametrize(("parameter", "workers", "slow", "doing"), CASES)
def test_none_waits_without_end(
    tmp_path: Path,
    slow_stage: Callable[[str], Callable[..., None]],
    fast_clock: None,
    parameter: str,
    workers: int,
    slow: str,
    doing: str,
) -> None:
    run(tmp_path, slow_stage(slow), style(workers, **only(parameter, **{parameter: None})))


@pytest.mark.parametrize(("parameter", "workers", "slow", "doing"), CASES)
def test_the_default_does_not(
    tmp_path: Path,
    slow_stage: Callable[[str], Callable[..., None]],
    fast_clock: None,
    parameter: str,
    workers: int,
    slow: str,
    doing: str,
) -> None:
    default = 20 if parameter == "computeBufferPopTimeout" else 10
    with pytest.raises(
        rioserrors.TimeoutError, match=rf"{parameter} \(current value = {default}\)"
    ):
        run(tmp_path, slow_stage(slow), style(workers, **only(parameter)))


@pytest.mark.alone
def test_an_error_is_not_hidden_by_a_timeout(tmp_path: Path) -> None:
    def fails_late(info: Any, inputs: Any, outputs: Any) -> None:
        time.sleep(SLOW)
        raise ValueError("late")

    with pytest.raises(rioserrors.WorkerExceptionError, match="late"):
        run(tmp_path, fails_late, style(1))


@pytest.mark.alone
def test_an_error_wakes_every_waiting_lane_at_once(tmp_path: Path) -> None:
    def fails(info: Any, inputs: Any, outputs: Any) -> None:
        raise ValueError("at once")

    start = time.perf_counter()
    with pytest.raises(rioserrors.WorkerExceptionError, match="at once"):
        run(tmp_path, fails, style(1))
    assert time.perf_counter() - start < 1


@pytest.mark.alone
def test_the_clock_rests_while_a_block_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True, True])

    def flaky(*arguments: Any) -> Any:
        if next(failures, False):
            raise rioserrors.ImageReadError("not yet")
        return read_input(*arguments)

    monkeypatch.setattr(blockwork, "read_input", flaky)
    # two tries more, 0.5 s apart, are far longer than the timeout
    run(tmp_path, double, style(1, readBufferPopTimeout=0.2, computeBufferPopTimeout=0.2))


@pytest.mark.alone
def test_the_clock_starts_when_all_lanes_have_started(tmp_path: Path) -> None:
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.image = write_raster(tmp_path / "in.tif", coordinates(1, 48, 24, "int16"))
    outfiles.result = tmp_path / "out.tif"
    controls = ApplierControls()
    controls.setConcurrencyStyle(style(1, readBufferPopTimeout=0.1, computeBufferPopTimeout=0.1))

    def reader_comes_late(lanes: Any) -> None:
        late = threading.Timer(SLOW, lanes[0].run)
        others = [threading.Thread(target=lane.run) for lane in lanes[1:]]
        for thread in [late, *others]:
            thread.start()
        for thread in [late, *others]:
            thread.join()

    engine.execute(engine.prepare(double, infiles, outfiles, controls=controls), reader_comes_late)
    assert (tmp_path / "out.tif").exists()
