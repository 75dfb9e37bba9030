"""What outlives a run, in case its process is killed."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Completed, Running

from rios_flows.orchestration import guard
from rios_flows.orchestration.aftermath import KILLED, mark
from rios_flows.orchestration.guard import Guard
from tests.orchestration.served import Api

pytestmark = pytest.mark.prefect


@flow(name="stands for others")
def nothing() -> None: ...


@pytest.mark.parametrize("killed", [False, True])
def test_only_the_end_of_the_process_sets_it_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    sign, code = tmp_path / "sign", tmp_path / "code.py"
    code.write_text(f"open({str(sign)!r}, 'w')")
    monkeypatch.setattr(guard, "_SCRIPT", f"read -r line || exec {sys.executable} {code}")
    watching = Guard([uuid4()])
    if killed:
        # as the system does for a process that has ended
        stream = watching._shell.stdin
        assert stream is not None
        stream.close()
        watching._shell.wait(30)
    watching.close()
    assert watching._shell.returncode == 0
    assert sign.exists() == killed


def test_a_run_that_has_ended_stays_as_it_is(api: Api) -> None:
    with get_client(sync_client=True) as client:
        killed = client.create_flow_run(nothing, state=Running())
        ended = client.create_flow_run(nothing, state=Completed())
        mark([killed.id, ended.id])
        state = client.read_flow_run(killed.id).state
        assert state is not None
        assert state.is_crashed()
        assert state.message == KILLED
        assert client.read_flow_run(ended.id).state_name == "Completed"
