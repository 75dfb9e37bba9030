"""What `rios-flows doctor KIND` makes of the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rios_flows.cli import doctoring, program
from rios_flows.controls.concurrency import CW_SLURM, CW_SUBPROC, ON_DASK, ConcurrencyStyle
from rios_flows.doctor.findings import Finding
from rios_flows.rioserrors import FileOpenError, ParameterError

JOB = """
function: "os.path:join"
infiles: {image: in.tif}
outfiles: {result: out.tif}
controls:
  tempdir: elsewhere
  concurrency: {numComputeWorkers: 3, computeWorkerKind: CW_SLURM}
"""


class Asked:
    """Stands in for `examine`, and keeps what it was asked."""

    style: ConcurrencyStyle
    tempdir: str
    attempt: bool
    patience: float
    state: Any = "good"

    def __call__(self, style: ConcurrencyStyle, *more: Any) -> list[Finding]:
        self.style = style
        self.tempdir, self.attempt, self.patience = more
        return [Finding("a", self.state, "b", "" if self.state == "good" else "c")]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    monkeypatch.chdir(tmp_path)
    asked = Asked()
    monkeypatch.setattr(doctoring, "examine", asked)
    return asked


def call(*words: str) -> Result:
    return CliRunner().invoke(program.app, ["doctor", *words])


EXTRA = {
    ("subproc",): None,
    ("slurm",): None,
    ("slurm", "--partition", "short"): {"sbatchOptions": ["--partition=short"]},
    ("pbs", "--queue", "short"): {"qsubOptions": ["-q short"]},
    ("dask", "--address", "tcp://n1:8786"): {"address": "tcp://n1:8786"},
    ("awsbatch", "--queue", "spot"): {"jobQueue": "spot"},
}


@pytest.mark.parametrize("words", EXTRA, ids=" ".join)
def test_kinds_and_their_options(words: tuple[str, ...], asked: Asked) -> None:
    done = call(*words)
    assert done.exit_code == 0, done.output
    assert done.stdout == "good  a: b\n"
    assert asked.style.computeWorkerKind == doctoring.KINDS[words[0]]
    assert asked.style.computeWorkerExtraParams == EXTRA[words]
    assert (asked.tempdir, asked.attempt, asked.patience) == (".", False, 120)
    assert (asked.style.launcher == ON_DASK) == (words[0] == "dask")


def test_parameters_of_a_file(asked: Asked) -> None:
    params = {"interface": "ib0", "sbatchOptions": "--mem=2G"}
    Path("params.json").write_text(json.dumps(params))
    done = call("slurm", "--params", "params.json", "--partition", "long", "--workers", "4",
                "--no-shared-temp", "--tempdir", "/tmp", "--try", "--patience", "5")  # fmt: skip
    assert done.exit_code == 0, done.output
    extra = {"interface": "ib0", "sbatchOptions": ["--mem=2G", "--partition=long"]}
    assert asked.style.computeWorkerExtraParams == extra
    assert (asked.style.numComputeWorkers, asked.style.haveSharedTemp) == (4, False)
    assert (asked.tempdir, asked.attempt, asked.patience) == ("/tmp", True, 5)


def test_a_job(asked: Asked) -> None:
    Path("job.yaml").write_text(JOB)
    assert call("--job", "job.yaml").exit_code == 0
    assert (asked.style.computeWorkerKind, asked.style.numComputeWorkers) == (CW_SLURM, 3)
    assert asked.tempdir == "elsewhere"
    # a kind wins over the job's
    assert call("subproc", "--job", "job.yaml").exit_code == 0
    assert asked.style.computeWorkerKind == CW_SUBPROC
    assert asked.tempdir == "elsewhere"


def test_what_is_bad_has_an_exit_code(asked: Asked) -> None:
    asked.state = "bad"
    done = call("subproc", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == [{"what": "a", "state": "bad", "found": "b", "remedy": "c"}]


WRONG = {
    ("ecs", "--partition", "x"): (ParameterError, "--partition is for slurm"),
    ("dask",): (ParameterError, "dask needs --address"),
    ("pool",): (ParameterError, "pool needs --pool"),
    ("sge",): (ParameterError, "no kind 'sge'"),
    ("pbs", "--params", "nowhere.json"): (FileOpenError, "nowhere.json"),
    ("pbs", "--params", "list.json"): (ParameterError, "JSON object"),
    ("pbs", "--params", "text.json"): (ParameterError, "no JSON"),
    ("--job", "nowhere.yaml"): (FileOpenError, "nowhere.yaml"),
    ("--job", "here.yaml"): (ParameterError, "in this process"),
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_what_cannot_be_looked_at(words: tuple[str, ...], asked: Asked) -> None:
    Path("list.json").write_text("[1]")
    Path("here.yaml").write_text("function: 'os.path:join'")
    Path("text.json").write_text("partition: short")
    kind, text = WRONG[words]
    done = call(*words, "--json")
    assert done.exit_code == 2
    told = json.loads(done.stdout)["error"]
    assert told["type"] == kind.__name__
    assert text in told["message"]


def test_kinds_are_completed() -> None:
    assert program._kinds("s") == ["subproc", "slurm"]
