"""The command rios-flows: what it prints, its exit codes, and that planning writes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from prefect.settings import PREFECT_API_URL, temporary_settings
from typer.testing import CliRunner, Result

from rios_flows.cli import examining, failing, planning, program, running
from rios_flows.controls.concurrency import CW_SLURM, CW_THREADS, ConcurrencyStyle
from rios_flows.doctor.findings import Finding, text_of
from rios_flows.orchestration import api_settings, asking
from rios_flows.reports.recordfiles import read_records
from rios_flows.rioserrors import UnavailableError
from tests.orchestration.served import Server, free_port
from tests.support.rasters import coordinates, read_raster, write_raster

ROOT = Path(__file__).parents[2]

FUNCTIONS = """
import os
import subprocess

def double(info, inputs, outputs, other):
    other.blocks = getattr(other, "blocks", 0) + 1
    outputs.result = inputs.image * 2

def fail(info, inputs, outputs, other):
    raise ValueError("no such luck")

def interrupt(info, inputs, outputs, other):
    raise KeyboardInterrupt

def end(info, inputs, outputs, other):
    raise SystemExit(0)

def talk(info, inputs, outputs, other):
    print("a function says")
    os.write(1, b"a library says\\n")
    subprocess.run(["echo", "a program says"], check=True)
    outputs.result = inputs.image * 2
"""

JOB = """
function: functions_of_the_program.py:double
infiles: {image: in.tif}
outfiles: {result: out.tif}
otherArgs: {}
controls: {windowxsize: 32, windowysize: 32, overlap: 1}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "functions_of_the_program", raising=False)
    (tmp_path / "functions_of_the_program.py").write_text(FUNCTIONS)
    (tmp_path / "job.yaml").write_text(JOB)
    write_raster(tmp_path / "in.tif", coordinates(1, 70, 50, "int32"))
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(program.app, arguments)


def test_run(folder: Path) -> None:
    done = call("run", "job.yaml", "--engine", "--json", "--records", "records.json")
    assert done.exit_code == 0, done.output
    # each block is read, computed and written
    assert len(read_records("records.json").records) == 3 * 6
    told = json.loads(done.stdout)
    assert told["name"] == "double"
    assert told["blocks"] == 6
    size = (folder / "out.tif").stat().st_size
    [output] = told["outputs"]
    assert (output["name"], output["bytes"]) == ("result", size)
    assert output["path"] == str(folder / "out.tif")
    assert "otherArgs" not in told
    assert (told["grid"]["width"], told["grid"]["height"]) == (50, 70)
    np.testing.assert_array_equal(
        read_raster(folder / "out.tif"), 2 * coordinates(1, 70, 50, "int32")
    )


def test_run_for_people(folder: Path) -> None:
    done = call("run", "job.yaml", "--engine", "--set", "controls.jobName=twice")
    assert done.exit_code == 0
    assert done.stdout.startswith("twice: 6 blocks in ")
    size = (folder / "out.tif").stat().st_size
    assert 1_000 < size < 1_000_000
    assert f"result: {folder / 'out.tif'} ({size / 1e3:.1f} kB)" in done.stdout


def test_a_single_block(folder: Path) -> None:
    larger = ("--set", "controls.windowxsize=128", "--set", "controls.windowysize=128")
    done = call("run", "job.yaml", "--engine", *larger)
    assert done.stdout.startswith("double: 1 block in ")


def test_what_is_told_where_it_is_asked_for(folder: Path) -> None:
    asked = ("controls.showOtherArgs=true", "controls.checksum=md5")
    given = [item for each in asked for item in ("--set", each)]
    told = json.loads(call("run", "job.yaml", "--engine", "--json", *given).stdout)
    assert told["otherArgs"] == [{"blocks": 6}]
    [output] = told["outputs"]
    assert output["checksum"].startswith("md5:")


def test_records_of_a_run_that_fails(folder: Path) -> None:
    change = "function=functions_of_the_program.py:fail"
    done = call("run", "job.yaml", "--engine", "--set", change, "--records", "records.json")
    assert done.exit_code == 1
    told = json.loads(call("report", "records.json", "--json").stdout)
    assert "no such luck" in told["error"]
    report = call("report", "records.json").stdout
    assert report.startswith("**The run failed: ")
    assert "no such luck" in report.splitlines()[0]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ("controls.windowxsiz=3", 2, "ParameterError: job.yaml: controls: there is no control 'wi"),
        ("function=functions_of_the_program.py:triple", 2, "cannot be found"),
        ("infiles.image=missing.tif", 1, "FileOpenError: Unable to open 'missing.tif'"),
        ("function=functions_of_the_program.py:fail", 1, "no such luck"),
        ("function=functions_of_the_program.py:end", 1, "SystemExit: 0"),
        ("function=functions_of_the_program.py:interrupt", 130, "Every output is as it was"),
    ],
)
def test_failures(folder: Path, change: str, code: int, message: str) -> None:
    done = call("run", "job.yaml", "--engine", "--set", change, "--json")
    assert done.exit_code == code
    assert message in done.stderr
    assert set(json.loads(done.stdout)) == {"error"}
    assert not (folder / "out.tif").exists()


def test_json_stands_alone(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    change = "function=functions_of_the_program.py:talk"
    with pytest.raises(SystemExit, match="0"):
        program.app(["run", "job.yaml", "--engine", "--json", "--set", change])
    out, err = capfd.readouterr()
    assert json.loads(out)["blocks"] == 6
    for who in ("function", "library", "program"):
        assert err.count(f"a {who} says\n") == 6
    # people see it where it was meant to be
    assert "a function says" in call("run", "job.yaml", "--engine", "--set", change).stdout


def test_records_that_cannot_be_kept(folder: Path) -> None:
    done = call("run", "job.yaml", "--engine", "--records", "nowhere/records.json")
    assert done.exit_code == 2
    assert "there is no directory" in done.stderr
    assert not (folder / "out.tif").exists()


def test_no_job(folder: Path) -> None:
    done = call("run", "nothing.yaml")
    assert done.exit_code == 2
    assert "Unable to read the job 'nothing.yaml'" in done.stderr


def test_plan(folder: Path) -> None:
    before = sorted(folder.iterdir())
    done = call("plan", "job.yaml", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert sorted(path for path in folder.iterdir() if path.suffix != "") == [
        path for path in before if path.suffix != ""
    ]
    assert (told["grid"]["columns"], told["grid"]["rows"]) == (50, 70)
    blocks = {"number": 6, "columns": 2, "rows": 3, "width": 32, "height": 32, "overlap": 1}
    assert told["blocks"] == blocks
    # int32, and a margin of one pixel on either side
    assert told["memory"]["inputs_of_a_block"] == 4 * 34 * 34
    assert told["memory"]["blocks_at_once"] == 1
    assert told["inputs"][0]["bytes"] == 4 * 50 * 70
    assert told["outputs"] == [
        {"name": "result", "path": "out.tif", "driver": "GTiff", "replaces": False}
    ]
    (folder / "out.tif").touch()
    text = call("plan", "job.yaml").stdout
    for words in (
        "grid    50 x 70 pixels",
        "4.6 kB for the inputs of a block",
        "blocks  6 (2 x 3)",
        "as it is, 1 x int32",
        "replaces",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("style", "blocks"),
    [
        ({}, 1),
        ({"numReadWorkers": 3}, 1 + 6),
        ({"numReadWorkers": 1, "numComputeWorkers": 2, "computeWorkerKind": CW_THREADS}, 2 + 2),
        ({"numReadWorkers": 1, "numComputeWorkers": 5, "computeWorkerKind": CW_SLURM}, 5 * 2),
    ],
)
def test_blocks_in_memory(style: dict[str, Any], blocks: int) -> None:
    assert planning.blocks_held(ConcurrencyStyle(**style)) == blocks


def test_schema() -> None:
    done = call("schema")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["properties"]["controls"]["properties"]["overlap"]["minimum"] == 0

    assert json.loads(call("schema", "--json").stdout) == told


COMMANDS = [str(getattr(each.callback, "__name__", "")) for each in program.app.registered_commands]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str) -> None:
    done = call(command, "--help")
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert f"Example: rios-flows {command}" in text
    assert "--json" in text


def test_help_has_all_commands_and_exit_codes() -> None:
    text = " ".join(call("--help").stdout.split())
    assert "Exit codes: 0 done, 1 the job failed" in text
    assert set(COMMANDS) == {"run", "plan", "schema", "report", "compare", "doctor", "setup"}
    for command in COMMANDS:
        assert f" {command} " in text


@pytest.mark.parametrize(
    ("begun", "found"),
    [
        ("rios-flows rep", "report"),
        ("rios-flows run job.yaml --set controls.statsI", "controls.statsIgnore="),
        ("rios-flows plan job.yaml --set outf", "outfiles."),
        ("rios-flows run job.yaml --rec", "--records"),
    ],
)
def test_completion(begun: str, found: str) -> None:
    done = CliRunner().invoke(
        program.app,
        prog_name="rios-flows",
        env={
            "_RIOS_FLOWS_COMPLETE": "complete_bash",
            "COMP_WORDS": begun,
            "COMP_CWORD": str(len(begun.split()) - 1),
        },
    )
    assert done.stdout.split() == [found]


def test_version() -> None:
    assert call("--version").stdout.startswith("rios_flows ")


def test_it_is_installed_under_its_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    target = project["scripts"]["rios-flows"]
    assert EntryPoint("rios-flows", target, "console_scripts").load() is program.main


def test_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_settings, "configured_url", lambda: None)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = call("doctor", "--json")
    found = {each["what"]: each for each in json.loads(done.stdout)}
    assert {"rios_flows", "numpy", "driver GTiff", "Prefect API", "open files", "sbatch"} <= {
        *found
    }
    assert done.exit_code == (1 if any(each["state"] == "bad" for each in found.values()) else 0)
    assert found["numpy's threads"]["found"] == "OMP_NUM_THREADS=1"
    # what is not good has a remedy
    assert all(each["remedy"] for each in found.values() if each["state"] != "good")


def test_doctor_finds_a_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://me:secret@127.0.0.1:{free_port()}/api"
    monkeypatch.setattr(api_settings, "configured_url", lambda: url)
    [finding] = [each for each in examining.examine() if each.what == "Prefect API"]
    assert finding.state == "bad"
    assert "secret" not in text_of(finding)
    assert "prefect server start" in finding.remedy


def test_doctor_finds_versions_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = ["numpy<1", "no-such-package>=3", "boto3; extra == 'aws'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: needs)
    monkeypatch.setattr(api_settings, "configured_url", lambda: None)
    bad = {each.what: each for each in examining.examine() if each.state == "bad"}
    assert set(bad) >= {"numpy", "no-such-package"}
    assert "boto3" not in bad
    assert bad["numpy"].remedy == "rios_flows needs <1: pip install 'numpy<1'"
    assert call("doctor").exit_code == 1


def test_findings_for_people() -> None:
    assert text_of(Finding("a", "good", "b")) == "good  a: b"
    assert text_of(Finding("a", "bad", "b", "c")) == "bad   a: b\n      c"


def test_the_engine_where_no_server_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> bool:
        raise UnavailableError("forbidden")

    monkeypatch.setattr(running, "needs_server", refuse)
    assert not running._api_is_configured()


def test_an_interruption_has_its_code() -> None:
    with pytest.raises(typer.Exit) as caught, failing.exit_codes(as_json=False):
        raise KeyboardInterrupt
    assert caught.value.exit_code == 130


@pytest.mark.slow
@pytest.mark.prefect
def test_as_a_flow(folder: Path, server: Server) -> None:
    command = [sys.executable, "-c", "from rios_flows.cli.program import main; main()"]
    done = subprocess.run(
        [*command, "run", "job.yaml", "--json"],
        env={**server.environment(), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["blocks"] == 6
    assert "Finished in state Completed" in done.stderr
    assert (folder / "out.tif").exists()


@pytest.mark.prefect
def test_doctor_finds_the_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with temporary_settings({PREFECT_API_URL: server.url}):
        assert api_settings.configured_url() == server.url
        found = [each for each in examining.examine() if each.what.startswith("Prefect ")]
    assert found == [
        Finding("Prefect server", "good", version("prefect")),
        Finding("Prefect API", "good", f"{server.url} answers"),
    ]
    monkeypatch.setattr(asking, "version_of", lambda url: "3.1.2")
    with temporary_settings({PREFECT_API_URL: server.url}):
        [old] = [each for each in examining.examine() if each.what == "Prefect server"]
    assert (old.state, old.found) == ("bad", f"3.1.2, and {version('prefect')} here")
    assert f"pip install 'prefect=={version('prefect')}'" in old.remedy
