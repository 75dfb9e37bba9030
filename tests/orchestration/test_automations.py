"""Runs whose process has died are marked as crashed by an automation, and no others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event
from prefect.states import Running

from rios_flows import applier
from rios_flows.orchestration import life
from rios_flows.orchestration.automations import NO_SIGN, crash_automation
from rios_flows.orchestration.life import SignsOfLife
from tests.orchestration.jobs import Job, double
from tests.orchestration.served import Api, eventually

pytestmark = pytest.mark.prefect

#: Prefect allows 10, but a server with much to do may see an event later than that (s).
PATIENCE = 20


@flow(name="stands for others")
def nothing() -> None: ...


@contextmanager
def automation(patience: float) -> Iterator[None]:
    """Have the server run the automation for a while."""
    with get_client(sync_client=True) as client:
        made = client.create_automation(crash_automation(patience))
        try:
            # the server hears of it by a message
            time.sleep(1)
            yield
        finally:
            client.delete_automation(made)


@pytest.mark.slow
def test_who_counts_as_dead(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "EVERY", 2.0)
    with automation(PATIENCE), get_client(sync_client=True) as client:

        def started(name: str) -> FlowRun:
            return client.create_flow_run(nothing, name=name, state=Running())

        dead, parent, alive, ended, other = map(
            started, ("dead", "its parent", "lives", "is over", "of somebody else")
        )
        SignsOfLife([dead, parent]).show()
        # Prefect's own heartbeats come as often as each flow pleases
        resource = {"prefect.resource.id": f"prefect.flow-run.{other.id}"}
        emit_event("prefect.flow-run.heartbeat", resource)
        over = SignsOfLife([ended])
        over.show()
        over.end()
        signs = SignsOfLife([alive])

        def crashed() -> bool:
            signs.show()
            states = [client.read_flow_run(run.id).state_name for run in (dead, parent)]
            return states == ["Crashed", "Crashed"]

        eventually(crashed, 60)
        state = client.read_flow_run(dead.id).state
        assert state is not None
        assert state.message == NO_SIGN
        for run in (alive, ended, other):
            assert client.read_flow_run(run.id).state_name == "Running", run.name


def test_a_subflow_tells_of_its_parent(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []

    def emit(event: str, resource: dict[str, str], follows: None = None) -> None:
        told.append((event.rpartition(".")[2], resource["prefect.resource.name"]))

    monkeypatch.setattr(life, "emit_event", emit)
    job = Job(folder, "the child")

    @flow(flow_run_name="the middle")
    def inner() -> None:
        applier.apply(double, job.infiles, job.outfiles, controls=job.controls)

    @flow(flow_run_name="the outer")
    def outer() -> None:
        inner()

    outer()
    names = ("the child", "the middle", "the outer")
    assert told == [(event, name) for event in ("alive", "left") for name in names]


def test_by_default_two_signs_may_be_lost() -> None:
    trigger = crash_automation().trigger
    assert trigger.within.total_seconds() == 90  # type: ignore[union-attr]
