"""A call in words: what a flow run shows of it, and what can be made of that again."""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import is_valid

from rios_flows import applier, rioserrors
from rios_flows.basics.bars import CUIProgressBar
from rios_flows.controls.held import changed
from rios_flows.controls.options import CONTROLS
from rios_flows.jobs import functions
from rios_flows.jobs.words import controls_of
from rios_flows.orchestration import parameters as words
from rios_flows.orchestration.call import ApplyCall
from rios_flows.orchestration.flow import apply_flow, run
from tests.orchestration.jobs import Job, double
from tests.orchestration.served import Api, jsonable

pytestmark = pytest.mark.prefect


class Functions:
    def method(self, info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)

    @staticmethod
    def static(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)

    def __call__(self, info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 7, None])
def test_numbers_come_back(value: float | None) -> None:
    controls = applier.ApplierControls()
    controls.setStatsIgnore(value, "result")
    controls.setInputNoDataValue([value] if value else None, "image")
    # exactly JSON
    shown = json.loads(json.dumps(words.shown(changed(controls)), allow_nan=False))
    back = controls_of(shown)
    for name, image in (("statsIgnore", "result"), ("inputnodata", "image")):
        given = controls.getOptionForImagename(name, image)
        np.testing.assert_equal(back.getOptionForImagename(name, image), given)


def test_tags_come_back() -> None:
    controls = applier.ApplierControls()
    controls.setTags({"PROCESSOR": "inf", "[x]": ""}, "result")
    shown = json.loads(json.dumps(words.shown(changed(controls))))
    back = controls_of(shown)
    assert changed(back) == {"tags[result]": {"PROCESSOR": "inf", "[x]": ""}}


def test_nan_in_a_deployments_controls(api: Api, folder: Path) -> None:
    job = Job(folder, "nan")
    job.controls.setStatsIgnore(math.nan, "result")
    job.infiles.image = str(_as_float(folder, job.infiles.image))
    shown = ApplyCall.prepare(double, job.infiles, job.outfiles, None, job.controls).parameters
    assert shown["controls"]["statsIgnore[result]"] == "nan"
    state = apply_flow(**shown, return_state=True)
    assert state.is_completed(), state.message
    with rasterio.open(job.output) as dataset:
        assert math.isnan(dataset.nodata)


def _as_float(folder: Path, path: str) -> Path:
    with rasterio.open(path) as dataset:
        profile, pixels = dataset.profile, dataset.read().astype("float32")
    target = folder / "float.tif"
    with rasterio.open(target, "w", **{**profile, "dtype": "float32"}) as dataset:
        dataset.write(pixels)
    return target


def test_all_controls_that_are_numbers_are_known() -> None:
    def takes(name: str, value: object) -> bool:
        try:
            CONTROLS[name].check(value)
        except ValueError:
            return False
        return True

    numbers = {name for name in CONTROLS if takes(name, math.nan) and not takes(name, "nan")}
    read = {name for name, each in CONTROLS.items() if each.from_json("inf") == math.inf}
    # bounds are four numbers, of which one may be read alone, but is refused
    assert numbers == read - {"checkpointInterval", "bounds"}


def test_a_style_of_odd_numbers(api: Api, folder: Path) -> None:
    style = applier.ConcurrencyStyle(
        numReadWorkers=np.int64(1),  # type: ignore[arg-type]
        readBufferPopTimeout=math.inf,
    )
    job = Job(folder, "odd numbers", style)
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    shown = api.flow_run("odd numbers").parameters
    assert shown["controls"]["concurrency"] == {
        "numReadWorkers": 1, "readBufferPopTimeout": "inf"
    }  # fmt: skip
    assert controls_of(shown["controls"]).concurrency == style


def test_more_files_than_a_database_takes(api: Api, folder: Path) -> None:
    job = Job(folder, "many files")
    path = job.infiles.image
    (folder / ("long" * 50)).mkdir()
    long = f"{folder}/{'long' * 50}/../{Path(path).name}"
    job.infiles.many = [long] * 3000
    job.controls.selectInputImageLayers([1])

    def first(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image * 2

    shown = ApplyCall.prepare(first, job.infiles, job.outfiles, None, job.controls).parameters
    assert jsonable(shown)
    assert len(json.dumps(shown)) < words.MOST_CHARACTERS
    assert shown["infiles"]["many"][:2] == [long, long]
    assert shown["infiles"]["many"][-1] == "... 2,900 more"
    assert shown["infiles"]["image"] == path
    del job.infiles.many
    for number in range(3000):
        setattr(job.infiles, f"n{number}", long)
    shown = ApplyCall.prepare(first, job.infiles, job.outfiles, None, job.controls).parameters
    assert shown["infiles"]["..."] == "2,901 more"
    # and the server takes it
    call = ApplyCall("many files", shown, error=rioserrors.ParameterError("enough"))
    with pytest.raises(rioserrors.ParameterError, match="enough"):
        run(call)
    groups: dict[str, Any] = {"moreControls": None, "imageControls": {}, "otherArgs": None}
    assert api.flow_run("many files").parameters == {**shown, **groups}


def prepared(
    folder: Path, function: Any = double, other: Any = None, **controls: Any
) -> dict[str, Any]:
    job = Job(folder, "once more")
    for setter, value in controls.items():
        getattr(job.controls, setter)(value)
    return ApplyCall.prepare(function, job.infiles, job.outfiles, other, job.controls).parameters


def takes_other(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    outputs.result = inputs.image * other.factor


def forms_schema() -> Any:
    return json.loads(json.dumps(parameter_schema(apply_flow).model_dump_for_openapi()))


def others(**attributes: Any) -> applier.OtherInputs:
    made = applier.OtherInputs()
    vars(made).update(attributes)
    return made


def test_the_form_starts_it_again(api: Api, folder: Path) -> None:
    shown = prepared(folder, takes_other, others(factor=2), setShowOtherArgs=True)
    assert shown["function"] == "tests.orchestration.test_parameters:takes_other"
    assert shown["otherArgs"] == {"factor": 2}
    assert is_valid(shown, forms_schema())
    state = apply_flow(**shown, return_state=True)
    assert state.is_completed(), state.message
    assert Job(folder, "once more").is_done()


def test_other_args_stay_out_of_the_database_unasked(folder: Path) -> None:
    shown = prepared(folder, takes_other, others(factor=2, password="open sesame"))
    assert "sesame" not in json.dumps(shown)
    assert "setShowOtherArgs(True)" in shown["function"]
    assert not is_valid(shown, forms_schema())


class Odd:
    """It is no OtherInputs, and a form would not make one of it again."""


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"function": lambda info, inputs, outputs: None}, "cannot be imported by a name"),
        ({"setCallBeforeClose": print}, "callBeforeClose is a function of the caller's"),
        ({"other": Odd()}, "otherArgs is told only with"),
        ({"other": Odd(), "setShowOtherArgs": True}, "JSON cannot hold its otherArgs"),
        ({"other": {"a": 1}, "setShowOtherArgs": True}, "JSON cannot hold its otherArgs"),
        (
            {"other": others(a=np.arange(3)), "setShowOtherArgs": True},
            "JSON cannot hold its otherArgs",
        ),
        ({"other": others(a={1: 2}), "setShowOtherArgs": True}, "JSON cannot hold its otherArgs"),
        ({"setLayerNames": ["x" * 900] * 600}, "it is told in a shortened form"),
    ],
)
def test_why_the_form_cannot_start_it_again(
    api: Api, folder: Path, given: dict[str, Any], reason: str
) -> None:
    shown = prepared(folder, **given)
    assert reason in shown["function"]
    assert jsonable(shown)
    schema = forms_schema()
    assert not is_valid(shown, schema)
    # nothing but the function is in the way
    assert is_valid({**shown, "function": "a:b"}, schema)
    state = apply_flow(**shown, return_state=True)
    assert state.is_failed()
    assert "is not right" in str(state.message)


def test_a_progress_object_is_no_reason(folder: Path) -> None:
    shown = prepared(folder, setProgress=CUIProgressBar())
    assert shown["function"] == "tests.orchestration.jobs:double"
    assert is_valid(shown, forms_schema())


def test_a_function_of_a_file(folder: Path) -> None:
    text = "def halves(info, inputs, outputs):\n    outputs.result = inputs.image // 2\n"
    (folder / "of_a_file.py").write_text(text)
    shown = prepared(folder, functions.load("of_a_file.py:halves"))
    assert shown["function"] == f"{folder}/of_a_file.py:halves"
    assert functions.load(shown["function"]) is functions.load("of_a_file.py:halves")


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (double, "tests.orchestration.jobs:double"),
        (Functions.static, "tests.orchestration.test_parameters:Functions.static"),
        (Functions().method, "method"),
        (Functions(), "Functions"),
        (functools.partial(double), "double"),
        (lambda info, inputs, outputs: double(info, inputs, outputs), "<lambda>"),
    ],
)
def test_functions_of_all_kinds(api: Api, folder: Path, function: Any, name: str) -> None:
    job = Job(folder, f"calls {name}")
    applier.apply(function, job.infiles, job.outfiles, controls=job.controls)
    assert job.is_done()
    assert api.flow_run(f"calls {name}").parameters["function"].partition(" (")[0] == name
    if ":" in name:
        assert functions.load(name) is function


@pytest.mark.parametrize("name", ["", "x" * 5000, "a\0b\ud800", "\N{SNOWMAN} 100% {x} $y <b>"])
def test_odd_names(api: Api, folder: Path, name: str) -> None:
    job = Job(folder, "odd")
    job.controls.setJobName(None)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)

    function.__name__ = function.__qualname__ = name
    applier.apply(function, job.infiles, job.outfiles, controls=job.controls)
    assert job.is_done()


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "..jobs:double",
        "tests.orchestration.jobs",
        "tests.orchestration.jobs:",
        "broken:f",
        ":f",
    ],
)
def test_references_that_lead_nowhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    (folder / "broken.py").write_text("raise RuntimeError('not today')")
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(rioserrors.ParameterError, match="cannot be found"):
        functions.load(reference)


def test_what_is_shown_of_a_call_that_makes_no_sense() -> None:
    call = ApplyCall.prepare(None, {"a": 5}, ["b"], None, 7)  # type: ignore[arg-type]
    assert jsonable(call.parameters)
    assert isinstance(call.error, rioserrors.RiosError)
