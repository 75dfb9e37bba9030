"""What a run prints: its error once, and of its lanes nothing."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from rios_flows import applier, rioserrors
from tests.orchestration.jobs import BLOCKS, Job, double
from tests.orchestration.served import Api, Server, free_port, plain_environment, run_python

pytestmark = pytest.mark.prefect

SCRIPT = """
from pathlib import Path
from prefect.logging import get_run_logger
from rios_flows import applier
from rios_flows.orchestration import run_display
from tests.orchestration.jobs import Job, double, take_a_second
from tests.support.styles import STYLES

run_display.TICK = run_display.LINE_EVERY = run_display.FIRST_LINES = 0.2

def typo(info, inputs, outputs):
    outputs.result = inputs.missing

def says(info, inputs, outputs):
    get_run_logger().info("said by the function")
    take_a_second(info, inputs, outputs) if info.isFirstBlock() else double(info, inputs, outputs)

def run(function, name, style):
    job = Job(Path.cwd(), name, STYLES[style])
    applier.apply(function, job.infiles, job.outfiles, controls=job.controls)
"""


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_an_error_is_printed_once(server: Server, api: Api, folder: Path, style: str) -> None:
    name = f"typo {style}"
    code = f"{SCRIPT}\nrun(typo, '{name}', '{style}')\n"
    done = run_python(code, server.environment(), folder)
    assert done.returncode == 1
    log, _, printed = done.stderr.partition("Traceback")
    assert "has no attribute 'missing'" in printed
    assert "NoneType" not in done.stderr
    assert "Task run" not in log
    (line,) = [line for line in log.splitlines() if "missing" in line]
    assert "Finished in state Failed" in line
    # Python's own account of the function's error, and of ours
    assert printed.count("in typo\n") == 1
    assert printed.count("User function 'typo' failed") == 1
    # the server has each lane's end
    run = api.flow_run(name)
    assert api.log_line(run.id, "^Lane .* ends: .*failed attempt").task_run_id
    message = str(run.state and run.state.message)
    assert re.match("WorkerExceptionError: User function 'typo' failed at block row", message)
    assert "\n" not in message


def test_lanes_say_nothing(server: Server, api: Api, folder: Path) -> None:
    code = f"{SCRIPT}\nrun(says, 'chatty', 'threads 2-2')\n"
    done = run_python(code, server.environment(), folder)
    assert done.returncode == 0, done.stderr
    assert "Lane" not in done.stderr
    assert re.search("Flow run 'chatty' - [0-9]+ of 12 blocks written", done.stderr)
    printed = re.findall("Task run '(.*?)' - (.*)", done.stderr)
    # what is the user's own, is seen
    assert {words for _, words in printed} == {"said by the function"}
    assert len(printed) == BLOCKS
    run = api.flow_run("chatty")
    for pattern in ("^Lane write: .* of 12 blocks are written", "^Lane write ends"):
        assert api.log_line(run.id, pattern).task_run_id


def test_no_server_answers(folder: Path) -> None:
    url = f"http://me:secret@127.0.0.1:{free_port()}/api"
    environment = {**plain_environment(folder), "PREFECT_API_URL": url}
    environment["PREFECT_CLIENT_MAX_RETRIES"] = "0"
    done = run_python(f"{SCRIPT}\nrun(double, 'nowhere', 'none')\n", environment, folder)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert len(done.stderr.splitlines()) < 20
    last = done.stderr.splitlines()[-1]
    assert last.startswith("rios_flows.rioserrors.UnavailableError: No Prefect server answers at ")
    assert "PREFECT_API_URL" in last
    assert "prefect server start" in last
    assert "secret" not in last


def half(info: Any, inputs: Any, outputs: Any) -> None:
    if info.getBlockCount() == (0, 1) and not Path("go on").exists():
        raise ValueError("not yet")
    double(info, inputs, outputs)


def test_resuming_is_told(api: Api, folder: Path) -> None:
    job = Job(folder, "resumes")
    job.controls.setResume(True, checkpointInterval=0)
    with pytest.raises(rioserrors.WorkerExceptionError, match="not yet"):
        applier.apply(half, job.infiles, job.outfiles, controls=job.controls)
    Path("go on").touch()
    job.controls.setJobName("resumed")
    applier.apply(half, job.infiles, job.outfiles, controls=job.controls)
    assert job.is_done()
    run = api.flow_run("resumed")
    line = api.log_line(run.id, "^Resuming: 4 of 12 blocks are on disk")
    # a level that is printed where nothing is set
    assert line.level == logging.WARNING
    message = str(run.state and run.state.message)
    assert re.fullmatch(r"12 blocks in [0-9.]+ s, 4 of them from the journal", message)
