"""Failed runs: the caller gets the error itself, the server its message, and lanes their states."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.exceptions import Abort
from prefect.flow_engine import FlowRunEngine

from rios_flows import applier, rioserrors
from rios_flows.runs.run import lane_names
from tests.orchestration.jobs import WINDOW, Job, double, fail_in_the_middle
from tests.orchestration.served import Api
from tests.support.rasters import read_raster
from tests.support.styles import STYLES

pytestmark = pytest.mark.prefect


OURS = ("run-display", "ThreadPool")


_earlier: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def _know_threads_of_other_tests() -> None:
    _earlier.clear()
    _earlier.update(threading.enumerate())


def lane_threads() -> list[str]:
    new = set(threading.enumerate()) - _earlier
    return [thread.name for thread in new if thread.name.startswith(OURS)]


@pytest.mark.parametrize("style", STYLES)
def test_a_user_functions_error(api: Api, folder: Path, style: str) -> None:
    job = Job(folder, f"fails {style}", STYLES[style])
    with pytest.raises(rioserrors.WorkerExceptionError, match="no such luck") as caught:
        applier.apply(fail_in_the_middle, job.infiles, job.outfiles, controls=job.controls)
    assert isinstance(caught.value.__cause__, ValueError)
    # a script may catch what its function raised
    assert isinstance(caught.value, ValueError)
    assert not job.output.exists()
    assert lane_threads() == []

    run = api.flow_run(f"fails {style}")
    assert run.state_name == "Failed"
    assert str(run.state and run.state.message).startswith(f"WorkerExceptionError: {caught.value}")
    tasks = api.task_runs(run.id, len(lane_names(STYLES[style])))
    states = {name: task.state_name for name, task in tasks.items()}
    failed = {name for name, state in states.items() if state == "Failed"}
    assert len(failed) == 1
    assert failed.pop().startswith(("apply", "compute"))
    # readers may have been done; who waited was stopped, and has neither failed nor completed
    assert {state for name, state in states.items() if name.startswith("write")} <= {"Cancelled"}
    assert set(states.values()) <= {"Failed", "Cancelled", "Completed"}


def test_in_a_flow_the_error_can_be_caught(api: Api, folder: Path) -> None:
    job = Job(folder, "caught", STYLES["threads 1-1"])

    @flow(flow_run_name="catches")
    def users_flow() -> str:
        try:
            applier.apply(fail_in_the_middle, job.infiles, job.outfiles, controls=job.controls)
        except rioserrors.WorkerExceptionError as error:
            return type(error.__cause__).__name__
        return "nothing"

    assert users_flow() == "ValueError"
    assert api.flow_run("catches").state_name == "Completed"
    assert api.flow_run("caught").state_name == "Failed"


def test_a_timeout_of_a_lane(api: Api, folder: Path) -> None:
    style = applier.ConcurrencyStyle(
        numReadWorkers=1,
        numComputeWorkers=1,
        computeWorkerKind=applier.CW_THREADS,
        computeBufferPopTimeout=0.2,
    )
    job = Job(folder, "timeout", style)

    def slow(info: Any, inputs: Any, outputs: Any) -> None:
        time.sleep(1)
        double(info, inputs, outputs)

    with pytest.raises(rioserrors.TimeoutError, match="computeBufferPopTimeout"):
        applier.apply(slow, job.infiles, job.outfiles, controls=job.controls)
    run = api.flow_run("timeout")
    assert "computeBufferPopTimeout" in str(run.state and run.state.message)
    states = {name: task.state_name for name, task in api.task_runs(run.id, 3).items()}
    assert states["compute-0"] == "Cancelled"
    assert states["write"] == "TimedOut"


@pytest.mark.parametrize(
    ("spoil", "error", "word"),
    [
        ("missing", rioserrors.FileOpenError, "nowhere.tif"),
        ("misspelt", rioserrors.ParameterError, "imgae"),
        ("window", rioserrors.ParameterError, "windowxsize"),
        ("kind", rioserrors.ParameterError, "CW_ECS needs run_task"),
        ("function", rioserrors.ParameterError, "userFunction"),
    ],
)
def test_bad_input_fails_the_flow_run(
    api: Api, folder: Path, spoil: str, error: type[Exception], word: str
) -> None:
    job, function = Job(folder, f"bad {spoil}"), double
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    before = read_raster(job.output)
    job.controls.setJobName(f"bad {spoil} again")
    if spoil == "missing":
        job.infiles.image = str(folder / "nowhere.tif")
    elif spoil == "misspelt":
        job.controls.setStatsIgnore(3, "imgae")
    elif spoil == "window":
        job.controls.setWindowXsize(0)
    elif spoil == "kind":
        style = applier.ConcurrencyStyle(1, 1, applier.CW_ECS)
        job.controls.setConcurrencyStyle(style)
    else:
        function = None  # type: ignore[assignment]

    with pytest.raises(error, match=word) as caught:
        applier.apply(function, job.infiles, job.outfiles, controls=job.controls)
    run = api.flow_run(f"bad {spoil} again")
    assert run.state_name == "Failed"
    assert run.state is not None
    assert run.state.message == f"{error.__name__}: {caught.value}"
    assert run.parameters["outfiles"] == {"result": str(job.output)}
    # a control that makes no sense cannot be put in words
    if spoil == "missing":
        assert run.parameters["controls"]["windowxsize"] == WINDOW
    assert (read_raster(job.output) == before).all()


def test_an_interruption_ends_the_lanes(api: Api, folder: Path) -> None:
    job = Job(folder, "interrupted", STYLES["threads 2-2"])
    begun = threading.Event()

    def slow(info: Any, inputs: Any, outputs: Any) -> None:
        begun.set()
        time.sleep(0.2)
        double(info, inputs, outputs)

    def interrupt() -> None:
        assert begun.wait(30)
        # until all lanes have begun
        time.sleep(0.3)
        # a real signal: it wakes who waits, as Ctrl-C does
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        applier.apply(slow, job.infiles, job.outfiles, controls=job.controls)
    thread.join()
    assert lane_threads() == []
    assert not job.output.exists()
    run = api.flow_run("interrupted")
    assert run.state_name == "Crashed"
    states = {task.state_name for task in api.task_runs(run.id, 5).values()}
    assert states <= {"Cancelled", "Completed"}
    assert "Cancelled" in states
    assert "was cancelled after" in str(api.artifacts(run.id)["summary"].data)


def test_a_task_that_never_runs_its_lane(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(folder, "never", STYLES["threads 1-1"])

    def lost(self: object, lane: str, logger: object) -> None:
        if lane == "write":
            raise LookupError("the lane was lost")

    monkeypatch.setattr("rios_flows.orchestration.lane_logs.LaneLogs.lane_starts", lost)
    with pytest.raises(LookupError, match="the lane was lost"):
        applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    assert not job.output.exists()
    assert lane_threads() == []


@pytest.mark.parametrize("error", [ConnectionError, Abort])
def test_a_computed_run_is_not_lost_with_the_server(
    api: Api,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[BaseException],
) -> None:
    job = Job(folder, "no end")

    def gone(*_: object, **__: object) -> None:
        raise error("the server has gone")

    monkeypatch.setattr("prefect.flow_engine.FlowRunEngine.handle_success", gone)
    result = applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    assert result.info is not None
    assert job.is_done()


@pytest.mark.parametrize("style", ["none", "threads 1-1"])
def test_the_jobs_error_is_not_lost_with_the_server(
    api: Api,
    folder: Path,
    style: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = Job(folder, "no end of a failure", STYLES[style])
    set_state = FlowRunEngine.set_state

    def gone(self: Any, state: Any, force: bool = False) -> Any:
        if state.is_final():
            raise ConnectionError("the server has gone")
        return set_state(self, state, force)

    monkeypatch.setattr(FlowRunEngine, "set_state", gone)
    with pytest.raises(rioserrors.WorkerExceptionError, match="no such luck"):
        applier.apply(fail_in_the_middle, job.infiles, job.outfiles, controls=job.controls)
    assert "Prefect was not told that the run has failed" in caplog.text
    assert "the server has gone" in caplog.text
    assert "are complete" not in caplog.text
