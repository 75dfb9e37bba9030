"""A server that goes away while a run lasts, and comes back: nothing of the run is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from tests.orchestration.served import Api, Server, eventually

pytestmark = [pytest.mark.prefect, pytest.mark.slow]

SCRIPT = """
import sys, time
from pathlib import Path
from rios_flows import applier
from rios_flows.applier import ConcurrencyStyle
from tests.orchestration.jobs import Job, double
from tests.orchestration.served import eventually

folder = Path.cwd()

def waits(info, inputs, outputs):
    column, row = info.getBlockCount()
    number = 4 * row + column
    eventually((folder / f"go{number // 4}").exists, 200)
    double(info, inputs, outputs)

job = Job(folder, sys.argv[1], ConcurrencyStyle(1, readBufferInsertTimeout=None))
result = applier.apply(waits, job.infiles, job.outfiles, controls=job.controls)
assert job.is_done()
print("all is well")
"""


@pytest.fixture(scope="module")
def own_server(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that tests may stop; the last one need not start it again."""
    own = Server(tmp_path_factory.mktemp("own"), server.new_database, pages=False)
    try:
        yield own
    finally:
        own.stop()


@contextmanager
def asked(server: Server) -> Iterator[Api]:
    here = {PREFECT_API_URL: server.url, PREFECT_HOME: server.home}
    with temporary_settings(here), get_client({"timeout": 30.0}, sync_client=True) as client:
        yield Api(client)


@contextmanager
def started(
    server: Server, folder: Path, name: str, **more: str
) -> Iterator[subprocess.Popen[str]]:
    (folder / "script.py").write_text(SCRIPT)
    with (folder / "script.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "script.py", name],
            env={**server.environment(), **more},
            cwd=folder,
            stdout=log,
            stderr=log,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def test_it_comes_back(own_server: Server, tmp_path: Path) -> None:
    output = tmp_path / "away.tif"
    with asked(own_server) as api, started(own_server, tmp_path, "away") as process:
        (tmp_path / "go0").touch()
        eventually(lambda: api.flow_runs("away"))
        run = api.flow_run("away")
        eventually(lambda: api.progress(run.id) == pytest.approx(100 / 3, abs=0.1))
        own_server.stop()
        (tmp_path / "go1").touch()
        # long enough for the run to notice, and to ask again
        time.sleep(8)
        own_server.start()
        back = time.monotonic()
        eventually(lambda: api.progress(run.id) == pytest.approx(200 / 3, abs=0.1), 10)
        api.log_line(run.id, "does not answer", 10 - time.monotonic() + back)

        own_server.stop()
        (tmp_path / "go2").touch()
        # published whatever the server does
        eventually(output.exists, 10)
        time.sleep(3)
        own_server.start()
        assert process.wait(60) == 0, (tmp_path / "script.log").read_text()
        found = api.artifacts(run.id)
        assert set(found) == {"progress", "summary", "blocks"}
        assert api.flow_run("away").state_name == "Completed"
        lanes = api.task_runs(run.id, 2)
        assert {lane.state_name for lane in lanes.values()} == {"Completed"}
        api.log_line(run.id, "^Lane compute-write ends")


def test_it_does_not_come_back(own_server: Server, tmp_path: Path) -> None:
    hurry = {"RIOS_FLOWS_SERVER_WAIT": "1", "PREFECT_CLIENT_MAX_RETRIES": "0"}
    with asked(own_server) as api, started(own_server, tmp_path, "gone", **hurry) as process:
        (tmp_path / "go0").touch()
        eventually(lambda: api.flow_runs("gone") and api.progress(api.flow_run("gone").id) > 30)
        own_server.stop()
        (tmp_path / "go1").touch()
        (tmp_path / "go2").touch()
        assert process.wait(60) == 0, (tmp_path / "script.log").read_text()
    told = (tmp_path / "script.log").read_text()
    assert "all is well" in told
    assert "12 blocks in" in (tmp_path / "gone.tif.report.html").read_text()
    assert "gone.tif.report.html" in told
