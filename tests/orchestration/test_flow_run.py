"""A call of apply() as a flow run: lanes are task runs, and what the server knows can be read."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType

from rios_flows import applier
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.engine import prepare
from rios_flows.orchestration.call import ApplyCall
from rios_flows.orchestration.flow import apply_flow
from rios_flows.orchestration.tasks import task_runner_for
from rios_flows.outputs.outputset import OutputSet
from rios_flows.runs.lanes import make_lanes
from rios_flows.runs.run import Run, lane_names
from tests.orchestration.jobs import BLOCKS, Job, count, double
from tests.orchestration.served import Api, jsonable
from tests.support.styles import STYLES

pytestmark = pytest.mark.prefect

LANES = {
    "none": {"apply"},
    "none, 2 readers": {"read-0", "read-1", "compute-write"},
    "threads 1-1": {"read-0", "compute-0", "write"},
    "threads 2-2": {"read-0", "read-1", "compute-0", "compute-1", "write"},
}


@pytest.mark.parametrize("style", STYLES)
def test_lanes_are_task_runs(api: Api, folder: Path, style: str) -> None:
    job = Job(folder, f"lanes {style}", STYLES[style])
    other = applier.OtherInputs()
    result = applier.apply(count, job.infiles, job.outfiles, other, job.controls)

    assert job.is_done()
    assert sum(getattr(copy, "blocks", 0) for copy in result.otherArgsList) == BLOCKS
    run = api.flow_run(f"lanes {style}")
    assert run.state is not None
    assert run.state.type == StateType.COMPLETED
    assert str(run.state.message).startswith(f"{BLOCKS} blocks in ")
    tasks = api.task_runs(run.id, len(LANES[style]))
    assert set(tasks) == LANES[style]
    assert {task.state_name for task in tasks.values()} == {"Completed"}
    assert {task.run_count for task in tasks.values()} == {1}
    assert api.log_line(run.id, "^Lane .*write.* ends: ") if style != "none" else True


def test_one_lane_works_in_the_callers_thread(api: Api, folder: Path) -> None:
    job, other = Job(folder, "one lane"), applier.OtherInputs()

    def note_frames(info: object, inputs: object, outputs: object, args: object) -> None:
        frame, names = sys._getframe(), set()
        while frame.f_back is not None:
            frame = frame.f_back
            names.add(frame.f_code.co_name)
        other.names = names
        count(info, inputs, outputs, args)

    result = applier.apply(note_frames, job.infiles, job.outfiles, other, job.controls)
    # a debugger that stops in the function sees who called apply()
    assert "test_one_lane_works_in_the_callers_thread" in other.names
    assert result.otherArgsList[0] is other


def test_parameters_are_for_people(api: Api, folder: Path) -> None:
    job = Job(folder, "parameters", STYLES["threads 1-1"])
    job.controls.setStatsIgnore(7, "result")
    job.infiles.image = [job.infiles.image, Path(job.infiles.image)]

    def first(info: object, inputs: object, outputs: object) -> None:
        outputs.result = inputs.image[0]  # type: ignore[attr-defined]

    applier.apply(first, job.infiles, job.outfiles, controls=job.controls)
    parameters = api.flow_run("parameters").parameters
    assert jsonable(parameters)
    assert str(parameters["function"]).startswith("first (the form cannot start it again, since ")
    assert parameters["infiles"]["image"][1] == str(folder / "parameters-in.tif")
    assert parameters["outfiles"] == {"result": str(job.output)}
    assert parameters["controls"]["windowxsize"] == 32
    assert parameters["controls"]["statsIgnore[result]"] == 7
    assert parameters["controls"]["concurrency"] == {
        "numReadWorkers": 1,
        "numComputeWorkers": 1,
        "computeWorkerKind": "CW_THREADS",
    }
    assert "<" not in str(parameters)


def test_the_functions_name_is_the_runs(api: Api, folder: Path) -> None:
    def a_name_of_its_own(info: object, inputs: object, outputs: object) -> None:
        double(info, inputs, outputs)

    job = Job(folder, "x")
    job.controls.setJobName(None)
    applier.apply(a_name_of_its_own, job.infiles, job.outfiles, controls=job.controls)
    assert api.flow_name(api.flow_run("a_name_of_its_own")) == "rios-apply"


def test_braces_in_a_name_are_no_template(api: Api, folder: Path) -> None:
    job = Job(folder, "scene {7}")
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    assert api.flow_run("scene {7}").state_name == "Completed"


def test_parameters_are_all_a_deployment_needs(api: Api, folder: Path) -> None:
    job = Job(folder, "again", STYLES["threads 2-2"])
    job.controls.setStatsIgnore(7, "result")
    parameters = ApplyCall.prepare(double, job.infiles, job.outfiles, None, job.controls).parameters
    assert parameters["function"] == "tests.orchestration.jobs:double"
    state = apply_flow(**parameters, return_state=True)
    assert state.is_completed()
    assert job.is_done()
    shown = {**parameters, "moreControls": None, "imageControls": {}, "otherArgs": None}
    assert api.flow_run("again").parameters == shown


def test_a_deployments_run_is_called_after_the_function(api: Api, folder: Path) -> None:
    job = Job(folder, "x")
    infiles, outfiles = vars(job.infiles), vars(job.outfiles)
    assert apply_flow(
        "tests.orchestration.jobs:twice", infiles, outfiles, return_state=True
    ).is_completed()
    assert api.flow_run("twice").parameters["controls"] == {}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"function": "tests.orchestration.jobs:triple"}, "triple"),
        ({"function": "tests.nowhere:double"}, "nowhere"),
        ({"function": "tests.orchestration.jobs:ROWS"}, "int"),
        ({"controls": {"windowsize": 5}}, "windowsize"),
        ({"controls": {"concurrency": {"readers": 5}}}, "readers"),
    ],
)
def test_senseless_parameters_of_a_deployment(
    api: Api, folder: Path, change: dict[str, object], word: str
) -> None:
    job = Job(folder, "senseless")
    parameters = ApplyCall.prepare(double, job.infiles, job.outfiles, None, job.controls).parameters
    state = apply_flow(**{**parameters, **change}, return_state=True)
    assert state.is_failed()
    assert str(state.message).startswith("ParameterError: ")
    assert word in str(state.message)


@pytest.mark.parametrize("result", ["r.tif", ["/there/r.tif", "sub/r.tif"]])
def test_no_output_is_lost_with_the_directory_of_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: str | list[str]
) -> None:
    # as Prefect's process worker names the directory that it removes after a run
    made = TemporaryDirectory(suffix="prefect", dir=tmp_path)
    monkeypatch.chdir(made.name)
    parameters: dict[str, Any] = {"function": "tests.orchestration.jobs:double"}
    parameters["outfiles"] = {"result": result}
    error = str(ApplyCall.from_parameters(parameters).error)
    assert "r.tif' would be lost" in error
    assert "/there" not in error
    assert made.name in error
    parameters["controls"] = {"recordsFile": "records.json"}
    error = str(ApplyCall.from_parameters(parameters).error)
    assert "controls: recordsFile='records.json' would be lost" in error
    parameters["controls"] = {"recordsFile": str(tmp_path / "records.json")}
    parameters["outfiles"] = {"result": str(tmp_path / "r.tif"), "far": "s3://bucket/r.tif"}
    assert "would be lost" not in str(ApplyCall.from_parameters(parameters).error)
    monkeypatch.chdir(tmp_path)
    parameters["outfiles"] = {"result": "r.tif"}
    assert "would be lost" not in str(ApplyCall.from_parameters(parameters).error)
    made.cleanup()


@pytest.mark.parametrize("style", STYLES)
def test_there_is_a_thread_for_each_lane(folder: Path, style: str) -> None:
    job = Job(folder, "threads", STYLES[style])
    planned = prepare(double, job.infiles, job.outfiles, None, job.controls)
    run = Run(planned, OutputSet(planned.plan.output_plan))
    lanes = make_lanes(run, TempfileManager(str(folder)))
    assert lane_names(STYLES[style]) == tuple(lane.name for lane in lanes)
    assert task_runner_for(STYLES[style])._max_workers == len(lanes)
