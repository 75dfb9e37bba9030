"""A flow against a Prefect server that keeps its data in PostgreSQL, as busy servers should."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.orchestration.served import Server, eventually, free_port, run_python
from tests.support.postgres import found, postgres

pytestmark = [
    pytest.mark.prefect,
    pytest.mark.slow,
    pytest.mark.skipif(found("initdb") is None, reason="PostgreSQL is not installed"),
]

#: Twenty runs in a row; prints times, and what the process has after each.
RUNS = """
import json
from benchmarks.small_runs import runs
print(json.dumps(runs(20, "small")))
"""


def asked(url: str, path: str) -> Any:
    request = urllib.request.Request(
        f"{url}{path}", data=b"{}", headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_twenty_runs(tmp_path: Path) -> None:
    with postgres(free_port()) as database:
        home = tmp_path / "home"
        home.mkdir()
        server = Server(home, settings={"PREFECT_SERVER_DATABASE_CONNECTION_URL": database})
        try:
            done = run_python(RUNS, server.environment(), tmp_path, timeout=400)
            assert done.returncode == 0, done.stderr
            made = json.loads(done.stdout.splitlines()[-1])
            assert made["failures"] == []
            states = {run["state_name"] for run in asked(server.url, "/flow_runs/filter")}
            assert states == {"Completed"}
            # five lanes each; the server learns of them by events
            eventually(lambda: asked(server.url, "/task_runs/count") == 20 * 5)
            assert asked(server.url, "/artifacts/count") == 3 * 20
        finally:
            server.stop()
    assert not (home / "prefect.db").exists()
    assert not re.search(r"ERROR|Traceback", server.log.read_text())
    # threads and files that the first runs have opened may stay; no run adds to them
    assert made["states"][-1] <= made["states"][4]
    assert sorted(path.name for path in tmp_path.glob("*.tif")) == ["small-in.tif", "small.tif"]
    # generous, since other tests may go on at the same time
    assert sum(made["times"][-5:]) < 3 * sum(made["times"][1:6])
