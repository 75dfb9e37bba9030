"""A job in words: from and to files, checked before anything is read."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rios_flows import engine
from rios_flows.controls.associations import FilenameAssociations, OtherInputs
from rios_flows.controls.concurrency import CW_SUBPROC, ConcurrencyStyle
from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.held import changed
from rios_flows.controls.options import CONTROLS
from rios_flows.jobs.description import Description
from rios_flows.jobs.descriptionfiles import read_description, write_description
from rios_flows.jobs.descriptionschema import CONTROLS_SCHEMA
from rios_flows.jobs.plainyaml import dump_yaml, parse_yaml
from rios_flows.rioserrors import FileOpenError, ParameterError
from tests.support.rasters import coordinates, read_raster, write_raster

FUNCTION = """
import helper_beside

def scale(info, inputs, outputs, other):
    outputs.result = helper_beside.times(inputs.image, other.factor)
"""
HELPER = "def times(array, factor): return array * factor\n"

JOB = """
function: scaling_job.py:scale
infiles: {image: in.tif}
outfiles: {result: out.tif}
otherArgs: {factor: 3}
controls:
  windowxsize: 32
  windowysize: 32
  statsIgnore[result]: .nan
  footprint: INTERSECTION
  checkpointInterval: 1e1
  concurrency: {numReadWorkers: 1}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *sys.path])
    for name in ("scaling_job", "helper_beside"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "scaling_job.py").write_text(FUNCTION)
    (tmp_path / "helper_beside.py").write_text(HELPER)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def test_a_file_runs(folder: Path) -> None:
    pixels = coordinates(1, 70, 50, "float32")
    write_raster(folder / "in.tif", pixels)
    result = engine.apply(*read_description("job.yaml").call())
    assert result.info is not None
    # 2 columns and 3 rows of blocks
    assert len(result.info.blocks) == 6
    np.testing.assert_array_equal(read_raster(folder / "out.tif"), pixels * 3)


def test_its_controls(folder: Path) -> None:
    controls = read_description("job.yaml", ["controls.windowxsize=64"]).call().controls
    assert changed(controls) == {
        "windowxsize": 64,
        "windowysize": 32,
        "statsIgnore[result]": "nan",
        "concurrency": {"numReadWorkers": 1},
    }


@pytest.mark.parametrize("name", ["again.json", "again.yaml"])
def test_to_a_file_and_back(folder: Path, name: str) -> None:
    job = read_description("job.yaml")
    write_description(job, name)
    back = read_description(name)
    np.testing.assert_equal(back.words(), job.words())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("controls.windowxsiz=3", "no control 'windowxsiz'; is 'windowxsize' meant?"),
        ("controls.windowxsize=0", "setWindowXsize: windowxsize=0 is not right: it must be at le"),
        ("controls.resampleMethod[image]=best", "'best' for image 'image' is not right: it must"),
        ("controls.overlap[image]=1", "'overlap' holds for the whole run; leave out the image"),
        ("controls.progress=1", "progress takes an object of Python's, which only setProgress"),
        ("controls.concurrency.numReadWorker=1", "'numReadWorker'; is 'numReadWorkers' meant?"),
        ("controls.concurrency.numReadWorkers=-1", "numReadWorkers=-1 must be a whole number"),
        ("controls.concurrency=3", "must be a ConcurrencyStyle"),
        ("controls.blockRetries={often: 1}", "BlockRetries has no 'often'"),
        ("controls.referencePixgrid={xMin: 1}", "PixelGridDefn"),
        ("controls=[]", "controls: [] is not right: it must be values by control"),
        ("infiles.image=5", "infiles: Invalid entry for name 'image': 5 is not a file name"),
        ("infiles=in.tif", "infiles: 'in.tif' is not right: it must be files by symbolic name"),
        ("infile={}", "there is no 'infile'; is 'infiles' meant?"),
        ("function=scale", "function='scale' is not right: it must be 'package.module:name'"),
        ("function=7", "function=7 is not right"),
        ("nothing", "must be NAME=VALUE"),
        ("function.a=1", "leads nowhere"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, change: str, message: str) -> None:
    # the inputs do not even exist
    with pytest.raises(ParameterError) as caught:
        read_description("job.yaml", [change])
    assert message in str(caught.value)


def test_all_that_is_wrong_is_named_at_once() -> None:
    wrong = {"infils": {}, "controls": {"overlap": -1, "windowxsize": "wide", "thematic": True}}
    with pytest.raises(ParameterError) as caught:
        Description.parse(wrong, "here")
    lines = str(caught.value).splitlines()
    assert lines[0] == "here:"
    assert [line.split()[0] for line in lines[1:]] == [
        "function", "setOverlap:", "setWindowXsize:", "there"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "a: [", "is not YAML"),
        ("a.yaml", "infiles: {a: 1.tif, a: 2.tif}", "'a' is there twice"),
        ("a.json", '{"infiles": {"a": "1.tif", "a": "2.tif"}}', "'a' is there twice"),
        ("a.json", "infiles:", "is not JSON"),
        ("a.yaml", "", "a.yaml: None is not right: it must be fields by name, as 'function: "),
        ("a.txt", "", "must have the ending"),
    ],
)
def test_files_that_hold_no_job(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ParameterError, match=message):
        read_description(tmp_path / name)


def test_a_job_from_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (JOB, json.dumps(read_description("job.yaml").words())):
        # with a mark of the byte order, as some editors leave one
        stream = io.TextIOWrapper(io.BytesIO(text.encode("utf-8-sig")))
        monkeypatch.setattr("sys.stdin", stream)
        # not by value: it has a NaN
        assert repr(read_description("-")) == repr(read_description("job.yaml"))


def test_a_link_to_a_job(folder: Path) -> None:
    Path("current").symlink_to("job.yaml")
    assert repr(read_description("current")) == repr(read_description("job.yaml"))


@pytest.mark.parametrize("value", ["*.tif", "@x", "%X", "{a"])
def test_a_change_that_is_no_yaml(folder: Path, value: str) -> None:
    with pytest.raises(ParameterError, match="its value is not YAML") as caught:
        read_description("job.yaml", [f"infiles.image={value}"])
    assert len(str(caught.value).splitlines()) == 1
    quoted = str(caught.value).rpartition("--set infiles.image='")[2].rpartition("'")[0]
    assert read_description("job.yaml", [f"infiles.image={quoted}"]).infiles["image"] == value


def test_a_module_that_ends_the_process(folder: Path) -> None:
    Path("script_of_somebody.py").write_text("import sys\nsys.exit(0)\n")
    job = Description(function="script_of_somebody.py:main")
    with pytest.raises(ParameterError, match=r"SystemExit\(0\).*__main__"):
        job.call()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileOpenError, match="Unable to read the job"):
        read_description(tmp_path / "job.yaml")


def test_a_change_of_an_item(folder: Path) -> None:
    (folder / "job.json").write_text(
        '{"function": "a:b", "infiles": {"dates": ["1.tif", "2.tif"]}}'
    )
    job = read_description("job.json", ["infiles.dates.1=3.tif", "otherArgs.deep.er=2026-01-02"])
    assert job.infiles == {"dates": ["1.tif", "3.tif"]}
    assert job.otherArgs == {"deep": {"er": "2026-01-02"}}


def fits(schema: dict[str, Any], value: object) -> bool:
    from jsonschema import Draft202012Validator

    return bool(Draft202012Validator(schema).is_valid(value))


def test_schema() -> None:
    schema = json.loads(json.dumps(Description.model_json_schema(), allow_nan=False))
    controls = schema["properties"]["controls"]
    assert set(controls["properties"]) == set(CONTROLS) - {"progress", "callBeforeClose"}
    for name, told in controls["properties"].items():
        assert told["description"].startswith(CONTROLS[name].about)
        # the schema lets every default pass
        assert fits(told, told["default"]), name
    job = {"function": "a:b", "infiles": {"x": ["1.tif"]}, "controls": {"windowxsize": 5}}
    assert fits(schema, job)
    for controls, good in [
        ({"resampleMethod[red]": "cubic"}, True),
        ({"resampleMethod[red]": "best"}, False),
        ({"overlap[red]": 1}, False),
        ({"windowxsize": 0}, False),
        ({"concurrency": {"numReadWorker": 1}}, False),
        ({"concurrency": {"computeWorkerKind": "CW_SLURM", "readBufferPopTimeout": None}}, True),
        ({"statsIgnore": "nan", "footprint": "UNION"}, True),
    ]:
        assert fits(schema, {**job, "controls": controls}) is good, controls
    assert not fits(schema, {**job, "infile": {}})


def test_every_control_can_be_set_in_the_order_of_the_table() -> None:
    names = list(CONTROLS_SCHEMA["properties"])
    assert names[:2] == ["windowxsize", "windowysize"]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-2E5", -2e5),
        ("-.5", -0.5),
        ("7.", 7.0),
        ("-.inf", -math.inf),
        ("1_0", 10),
        ("0x1F", 31),
        ("2026-01-01", "2026-01-01"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        # texts in YAML 1.2, and silently something else in 1.1
        ("on", "on"),
        ("NO", "NO"),
        ("12:30", "12:30"),
        ("010", 10),
        ("1__0", "1__0"),
        ("1.2.3", "1.2.3"),
        (".", "."),
        ("nan", "nan"),
    ],
)
def test_plain_values(text: str, value: object) -> None:
    assert parse_yaml(f"a: {text}") == {"a": value}


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.from_regex(r"[-+]?[0-9._:eExoTtrufalsny]{1,6}", fullmatch=True),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
))  # fmt: skip
def test_what_is_written_is_read(value: Any) -> None:
    assert parse_yaml(dump_yaml({"a": value})) == {"a": value}


@pytest.mark.parametrize(
    "text", ["1e3", "0o17", "on", "010", "12:30", "2026-01-01", "NO", "=", "<<"]
)
def test_texts_that_look_like_something_else(text: str) -> None:
    assert parse_yaml(dump_yaml({"a": text})) == {"a": text}
    # and by programs that read YAML 1.1
    assert yaml.safe_load(dump_yaml({"a": text})) == {"a": text}


def a_function(info: Any, inputs: Any, outputs: Any) -> None:
    """Stands for a user's."""


def test_of_a_call(tmp_path: Path) -> None:
    infiles, outfiles, other = FilenameAssociations(), FilenameAssociations(), OtherInputs()
    infiles.dates, outfiles.result, other.factor = ["1.tif", Path("2.tif")], "out.tif", 3
    controls = ApplierControls()
    controls.setWindowXsize(64)
    controls.setStatsIgnore(float("nan"), "result")
    extra = {"maxJobs": 3}
    style = ConcurrencyStyle(1, 1, CW_SUBPROC, computeWorkerExtraParams=extra)
    controls.setConcurrencyStyle(style)
    job = Description.of_call(a_function, infiles, outfiles, other, controls)
    write_description(job, tmp_path / "job.yaml")
    call = read_description(tmp_path / "job.yaml").call()
    assert call.function is a_function
    assert vars(call.infiles) == {"dates": ["1.tif", "2.tif"]}
    assert vars(call.outfiles) == {"result": "out.tif"}
    assert vars(call.other_args) == {"factor": 3}
    assert call.controls.concurrency == style
    assert changed(call.controls) == changed(controls)


def test_calls_that_cannot_be_described() -> None:
    files = FilenameAssociations()
    with pytest.raises(ParameterError, match="cannot be found by a name: define it with def"):
        Description.of_call(lambda info, inputs, outputs: None, files, files)
    with pytest.raises(ParameterError, match=r"this call: otherArgs: .* JSON cannot hold it"):
        Description.of_call(a_function, files, files, np.zeros(3))
    controls = ApplierControls()
    controls.setCallBeforeClose(print)
    with pytest.raises(ParameterError, match="callBeforeClose takes an object of Python's"):
        Description.of_call(a_function, files, files, controls=controls)


def test_a_function_of_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script_of_a_call.py"
    script.write_text(
        "from rios_flows.applier import FilenameAssociations\n"
        "from rios_flows.jobs.description import Description\n"
        "def f(info, inputs, outputs): pass\n"
        "if __name__ == '__main__':\n"
        "    files = FilenameAssociations()\n"
        "    job = Description.of_call(f, files, files)\n"
        "    print(job.function, job.call().function.__module__)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.split() == [f"{script}:f", "script_of_a_call"], done.stderr
