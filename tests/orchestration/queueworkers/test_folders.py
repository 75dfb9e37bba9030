"""What a job's script reads, and how its id is noted."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from rios_flows.orchestration.queueworkers.folders import JobFolder
from rios_flows.rioserrors import ParameterError

VALUES = {
    "PLAIN": "1",
    "QUOTED": 'it\'s "so" $HOME `id` \\ end',
    "LINES": "one\ntwo\n",
    "EMPTY": "",
    "COMMAS": "a,b\\,c=d",
    "UMLAUT": "Höhe",
    "BYTES": os.fsdecode(b"latin H\xf6he"),
}


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path / "some jobs", uuid4())


def run_script(
    folder: JobFolder, then: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", "\n".join([*folder.commands(), then])],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
    )


def test_variables_come_to_the_job_as_they_are(folder: JobFolder) -> None:
    folder.make({**VALUES, "NOT_SET": None})
    told = f"exec {sys.executable} -c 'import os, json; print(json.dumps(dict(os.environ)))'"
    found = json.loads(run_script(folder, told, SLURM_JOB_ID="17").stdout)
    assert {name: found[name] for name in VALUES} == VALUES
    assert "NOT_SET" not in found
    assert folder.job() == "17"


def test_nobody_else_reads_them_and_they_are_read_once(folder: JobFolder) -> None:
    folder.make({"KEY": "secret"})
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.path.iterdir()] == [0o600]
    assert not any("secret" in line for line in folder.commands())
    assert run_script(folder, "echo $KEY", PBS_JOBID="9.vm").stdout == "secret\n"
    assert folder.job() == "9.vm"
    again = run_script(folder, "echo it went on")
    assert again.returncode != 0
    assert again.stdout == ""


def test_a_job_that_nobody_waits_for_ends_at_once(folder: JobFolder) -> None:
    folder.make({})
    folder.refuse()
    assert run_script(folder, "echo it went on").stdout == ""


@pytest.mark.parametrize("name", ["A-B", "1A", "A B", "", "Ä", "A;id"])
def test_names_that_no_shell_takes(folder: JobFolder, name: str) -> None:
    with pytest.raises(ParameterError, match="no name of an environment variable"):
        folder.make({name: "1"})


@pytest.mark.parametrize(
    ("printed", "job"), [("17", "17"), ("17;cluster", "17"), ("a word\n9.vm", "9.vm")]
)
def test_who_submits_notes_the_id(folder: JobFolder, printed: str, job: str) -> None:
    folder.make({})
    assert folder.job() == ""
    command = folder.submitting("scancel", ("printf", "%s\\n", printed))
    assert subprocess.run(command, capture_output=True, text=True).stdout == f"{job}\n"
    assert folder.job() == job
    # a flow run that is tried again has another job
    folder.make({})
    assert folder.job() == ""
    folder.settled("scancel", job)
    folder.remove()
    assert not folder.path.exists()


def test_a_refusal_is_passed_on(folder: JobFolder) -> None:
    folder.make({})
    command = folder.submitting("scancel", ("sh", "-c", "echo no >&2; exit 3"))
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "no\n")
    assert folder.job() == ""


def test_who_submits_and_the_job_note_the_id_at_the_same_time(folder: JobFolder) -> None:
    folder.make({})
    # the job has begun, and noted its id, before the submitting command has noted it
    tools = folder.path.parent / "tools"
    tools.mkdir()
    (tools / "mv").write_text(
        f"#!/bin/sh\nPATH={shlex.quote(os.environ['PATH'])}\nSLURM_JOB_ID=17\n"
        + "\n".join([*folder.commands(), 'exec mv "$@"'])
    )
    (tools / "mv").chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    command = folder.submitting("scancel", ("printf", "17\\n"))
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": path})
    assert (done.returncode, done.stdout, done.stderr) == (0, "17\n", "")
    assert folder.job() == "17"
