"""What a worker says late of a run that was cancelled does not end its next attempt."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry, Cancelled, Pending, Running, Scheduled

from rios_flows.orchestration import lateword
from rios_flows.orchestration.verdicts import ENDED_BY_WORKER
from tests.orchestration.served import Api

pytestmark = pytest.mark.prefect


@flow(name="stands for others")
def nothing() -> None: ...


@pytest.mark.parametrize(
    ("meanwhile", "later", "then"),
    [
        ([], None, "Cancelled"),
        ([Scheduled(message="Retried via CLI")], None, "Scheduled"),
        # never scheduled once more: there would be two processes
        ([AwaitingRetry(), Pending(name="Submitting")], Running(), "Running"),
        ([AwaitingRetry(), Pending()], None, "Scheduled"),
        ([Scheduled(), Pending(), Running()], None, "Cancelled"),
    ],
    ids=["not retried", "retried", "on its way", "on its way in vain", "begun"],
)
def test_a_run_that_was_scheduled(
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: list[State[Any]],
    later: State[Any] | None,
    then: str,
) -> None:
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(nothing, state=Running()).id
        told = [Cancelled(message="The run was cancelled"), *meanwhile]
        for state in told:
            client.set_flow_run_state(run, state, force=True)

        # the worker says so while somebody waits for it, and then a process may begin
        comes = [Cancelled(message=ENDED_BY_WORKER), *([later] if later else [])]
        seen = []

        def pause(seconds: float) -> None:
            seen.append(client.read_flow_run(run).state_name)
            if comes:
                client.set_flow_run_state(run, comes.pop(0), force=True)
                monkeypatch.setattr(lateword, "LONGEST", 2.0)

        monkeypatch.setattr(lateword, "sleep", pause)
        lateword.wait_for_it(run)
        assert client.read_flow_run(run).state_name == then
        given_back = meanwhile and meanwhile[-1].is_pending()
        assert set(seen[1:]) == ({meanwhile[-1].name} if given_back else set())


def test_a_run_that_was_scheduled_for_later(api: Api) -> None:
    later = datetime.now(UTC) + timedelta(hours=3)
    told: list[State[Any]] = [
        Cancelled(),
        Scheduled(scheduled_time=later),
        Cancelled(message=ENDED_BY_WORKER),
    ]
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(nothing, state=Running()).id
        for state in told:
            client.set_flow_run_state(run, state, force=True)
        lateword.wait_for_it(run)
        found = client.read_flow_run(run)
    assert found.state_name == "Scheduled"
    assert found.next_scheduled_start_time == later


def test_only_a_workers_process_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(lateword, "start_aside", lambda command, _: started.append(command))
    lateword.see_to_it(uuid4())
    assert not started
    monkeypatch.setattr("prefect._internal.control_listener.get_intent", lambda: "cancel")
    run = uuid4()
    lateword.see_to_it(run)
    assert started[0][1:] == ["-m", "rios_flows.orchestration.lateword", str(run)]
    done = subprocess.run([*started[0][:3], "no run"], capture_output=True, text=True, check=False)
    assert "badly formed" in done.stderr


def test_a_prefect_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(lateword, "start_aside", lambda command, _: started.append(command))
    # as if it had moved in another version
    monkeypatch.setitem(sys.modules, "prefect._internal.control_listener", None)
    lateword.see_to_it(uuid4())
    assert len(started) == 1
