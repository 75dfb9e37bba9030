"""The process of a worker, which its flow run waits for."""

from __future__ import annotations

import contextvars
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling, Running

from rios_flows.orchestration.pools import __main__, worker
from tests.orchestration.served import ROOT
from tests.support.queues import wait_until

logger = logging.getLogger(__name__)


@pytest.fixture(autouse=True)
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody look at a server, of which there may be none."""
    monkeypatch.setattr(worker, "_PAUSE", 1000)


def carried_out(script: str) -> str | None:
    return worker.carried_out(["sh", "-c", script], {"COLOUR": "red"}, uuid4(), logger)


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("exit 0", "exit code 0"),
        ("exit 7", "exit code 7"),
        ("kill -9 $$", "killed by SIGKILL"),
        # what it has started keeps its output open, and goes with it
        ("sleep 100 & exit 3", "exit code 3"),
    ],
)
def test_ends(script: str, end: str) -> None:
    assert carried_out(script) == end


def test_what_it_says(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__CONTROL_TOKEN", "not for users")
    monkeypatch.setattr(worker, "_MOST_LINES", 3)
    with caplog.at_level(logging.INFO):
        carried_out("echo $COLOUR; echo [$PREFECT__CONTROL_TOKEN] >&2; echo c; echo d; echo e")
    told = [record.getMessage() for record in caplog.records if record.name == __name__]
    rest = "(the run's own log has what this worker says from here on)"
    assert told == ["red", "[]", "c", rest]


@pytest.mark.prefect
def test_one_whose_flow_run_is_cancelled(
    client: SyncPrefectClient, parent: FlowRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_PAUSE", 0.1)
    client.set_flow_run_state(parent.id, Running(), force=True)
    ends: list[str | None] = ["none"]
    command = ["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 100"]

    def work() -> None:
        ends[0] = worker.carried_out(command, {}, parent.id, logger)

    # with the server to ask
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    client.set_flow_run_state(parent.id, Cancelling(), force=True)
    thread.join(30)
    assert ends == [None]
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_it_ends_with_the_process_that_waits_for_it(tmp_path: Path) -> None:
    code = (
        "import logging, uuid; from rios_flows.orchestration.pools import worker; "
        # no look at a server, of which there is none
        "worker._PAUSE = 1000; "
        f"worker.carried_out(['sh', '-c', 'echo $$ > {tmp_path}/pid; exec sleep 100'], {{}}, "
        "uuid.uuid4(), logging.getLogger())"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as process:
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        process.kill()
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not psutil.pid_exists(pid) or not psutil.Process(pid).is_running(), 10)


def test_the_program_needs_a_flow_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT__FLOW_RUN_ID", raising=False)
    with pytest.raises(KeyError, match="PREFECT__FLOW_RUN_ID"):
        __main__.main()
    assert os.environ.get("PREFECT__FLOW_RUN_ID") is None
