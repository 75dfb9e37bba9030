"""What a user adds to the jobs of a queue, and the script that comes of it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from rios_flows.controls.concurrency import CW_PBS, CW_SLURM
from rios_flows.rioserrors import ParameterError
from rios_flows.workers.launchers.extra import Extra, extra_of, option_value, origin_of_options
from rios_flows.workers.launchers.script import job_name, script

VARIABLES = {
    CW_SLURM: ("sbatchOptions", "RIOS_SLURMJOBMGR_SBATCHOPTIONS", "RIOS_SLURMJOBMGR_INITCMDS"),
    CW_PBS: ("qsubOptions", "RIOS_PBSJOBMGR_QSUBOPTIONS", "RIOS_PBSJOBMGR_INITCMDS"),
}
KINDS = pytest.mark.parametrize("kind", list(VARIABLES))


@KINDS
def test_nothing_is_added_where_nothing_is_said(kind: str) -> None:
    assert extra_of(kind, None) == extra_of(kind, {}) == Extra()


@KINDS
def test_options_as_one_string_or_as_a_list(kind: str) -> None:
    key, _, _ = VARIABLES[kind]
    one = extra_of(kind, {key: "-q 'a b' --mem=4G"})
    assert one.directives == ("-q 'a b' --mem=4G",)
    assert one.options == ("-q", "a b", "--mem=4G")
    many = extra_of(kind, {key: ["-q 'a b'", "--mem=4G"]})
    assert many.directives == ("-q 'a b'", "--mem=4G")
    assert many.options == one.options


@KINDS
def test_variables_of_rios(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key, options, commands = VARIABLES[kind]
    monkeypatch.setenv(options, "-q long")
    monkeypatch.setenv(commands, "module load x\n. env/bin/activate")
    assert extra_of(kind, {}) == Extra(
        ("-q long",), ("-q", "long"), ("module load x", ". env/bin/activate")
    )
    # the dict wins, each key for itself
    extra = extra_of(kind, {key: "-q short"})
    assert extra.directives == ("-q short",)
    assert len(extra.commands) == 2
    assert extra_of(kind, {key: "", "initCmds": []}) == Extra()


@KINDS
def test_where_options_come_from(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key, variable, _ = VARIABLES[kind]
    assert origin_of_options(kind, None) == f"{key} in computeWorkerExtraParams"
    monkeypatch.setenv(variable, "-q long")
    assert origin_of_options(kind, {}) == f"{variable}='-q long' in the environment"
    assert origin_of_options(kind, {key: ""}) == f"{key} in computeWorkerExtraParams"


@KINDS
@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"initCmd": "true"}, "did you mean 'initCmds'?"),
        ({"initCmds": 3}, "initCmds=3 must be a string or a list of strings"),
        ({"initCmds": ["a", 3]}, "must be a string or a list of strings"),
        ({"cmdPrefix": ["env"]}, "cmdPrefix=['env'] must be a string"),
        ({"cmdSuffix": "| tee x\ny"}, "must be a single line"),
        ({3: "x"}, "takes no 3"),
    ],
)
def test_refused_for_each_kind(kind: str, extra: dict[Any, Any], words: str) -> None:
    with pytest.raises(ParameterError, match="computeWorkerExtraParams") as caught:
        extra_of(kind, extra)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "extra", "words"),
    [
        (CW_SLURM, {"qsubOptions": "-q x"}, "that is for CW_PBS; did you mean 'sbatchOptions'?"),
        (CW_PBS, {"sbatchOptions": "-q x"}, "that is for CW_SLURM; did you mean 'qsubOptions'?"),
        (CW_SLURM, {"sbatchOptions": "--array=0-3"}, "leave '--array=0-3' out of sbatchOptions"),
        (CW_SLURM, {"sbatchOptions": ["-p x", "--wait"]}, "wait for its workers to end"),
        (
            CW_SLURM,
            {"sbatchOptions": "-p 'x"},
            "cannot be split into options: No closing quotation",
        ),
        (CW_SLURM, {"sbatchOptions": "-p x\n-n 3"}, "must be a single line"),
        (CW_PBS, {"qsubOptions": "-J 0-3"}, "the run makes arrays of its own"),
    ],
)
def test_refused(kind: str, extra: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        extra_of(kind, extra)
    assert words in str(caught.value)


def test_option_value() -> None:
    words = ("-v", "A=1", "--export=NONE", "-vB", "--export", "ALL", "-V")
    assert option_value(words, "-v") == "B"
    assert option_value(words, "--export") == "ALL"
    assert option_value(words, "-q") is None


def test_script() -> None:
    extra = Extra(("-p long", "--mem=4G"), (), ("module load x", "umask 077"))
    text = script("#SBATCH", extra, ("python", "-m", "a module"), "7")
    assert text == (
        "#!/bin/sh\n#SBATCH -p long\n#SBATCH --mem=4G\nmodule load x\numask 077\n"
        "exec python -m 'a module' --number 7\n"
    )


@pytest.mark.parametrize(
    ("prefix", "suffix", "said"),
    [
        ("env A=3", "", "x --number 7\n"),
        ("", "| tr a-z A-Z", "X --NUMBER 7\n"),
        ("A=3; echo $A;", ">&2; echo late", "3\nlate\n"),
    ],
)
def test_prefix_and_suffix_are_the_shells(prefix: str, suffix: str, said: str) -> None:
    text = script("#PBS", Extra(prefix=prefix, suffix=suffix), ("echo", "x"), "7")
    assert subprocess.run(["sh"], input=text.encode(), capture_output=True).stdout.decode() == said


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("demo", 3, "demo-3"),
        ("demo", None, "demo"),
        ("my job: 7/8", 0, "my_job_7_8-0"),
        ("7 blocks", None, "w7_blocks"),
        ("größe", None, "gr_e"),
        ("", None, "rios_flows"),
        ("x" * 300, 12, "x" * 60 + "-12"),
    ],
)
def test_job_name(name: str, number: int | None, expected: str) -> None:
    assert job_name(name, number) == expected
