"""The signs of life of a flow run, which automations wait for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from rios_flows import applier
from rios_flows.orchestration import heartbeat as module
from rios_flows.orchestration.heartbeat import Heartbeat
from tests.orchestration.jobs import Job, double
from tests.orchestration.served import Api, Server, eventually

pytestmark = pytest.mark.prefect

NAME = "prefect.flow-run.heartbeat"


def events(server: Server, run: object) -> list[dict[str, Any]]:
    wanted = {"event": {"name": [NAME]}, "resource": {"id": [f"prefect.flow-run.{run}"]}}
    answer = httpx.post(f"{server.url}/events/filter", json={"filter": wanted}, timeout=30)
    found: list[dict[str, Any]] = answer.raise_for_status().json()["events"]
    return found


def test_a_heartbeat_tells_of_run_and_flow(api: Api, server: Server, folder: Path) -> None:
    job = Job(folder, "alive")
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 30}):
        applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    run = api.flow_run("alive")
    # just one: Prefect's own are off
    (event,) = eventually(lambda: events(server, run.id))
    assert event["resource"]["prefect.resource.name"] == "alive"
    related = {item["prefect.resource.role"]: item for item in event["related"]}
    assert related["flow"]["prefect.resource.id"] == f"prefect.flow.{run.flow_id}"
    assert related["flow"]["prefect.resource.name"] == "rios-apply"


class Run:
    id = 5
    name = "made up"


@pytest.mark.parametrize(("every", "beats"), [(None, 0), (1, 4), (30, 4), (60, 2)])
def test_how_often(monkeypatch: pytest.MonkeyPatch, every: int | None, beats: int) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(module, "emit_event", lambda **event: sent.append(event))
    heartbeat, run = Heartbeat(every), Run()
    for second in range(1000, 1101):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda now=second: now))
        heartbeat.beat(run)  # type: ignore[arg-type]
    assert len(sent) == beats
    assert all(event["event"] == NAME for event in sent)
