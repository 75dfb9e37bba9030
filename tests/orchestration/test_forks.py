"""Flows before and after a fork."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.orchestration.served import Api, Server, run_python

pytestmark = pytest.mark.prefect

SCRIPT = """
import multiprocessing
from pathlib import Path
from rios_flows import applier
from tests.orchestration.jobs import Job, double
from tests.support.styles import STYLES

def run(name):
    job = Job(Path.cwd(), name, STYLES["threads 1-1"])
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)

def nothing():
    pass

run("of the parent")
for work in (nothing, lambda: run("of the child")):
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(60)
    if child.is_alive():
        child.kill()
    assert child.exitcode == 0, child.exitcode
"""


def test_a_flow_in_a_forked_child(server: Server, api: Api, folder: Path) -> None:
    done = run_python(SCRIPT, server.environment(), folder)
    assert done.returncode == 0, done.stderr
    for name in ("of the parent", "of the child"):
        state = api.flow_run(name).state
        assert state is not None
        assert state.is_completed()
