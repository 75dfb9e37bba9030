"""Which flow runs a worker goes on with when it starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import anyio
import pytest
from prefect.client.schemas.objects import FlowRun, State, WorkerStatus
from prefect.states import Pending, Running

from rios_flows.orchestration.queueworkers.former import former_runs, was_lost


class FakeClient:
    """A server with flow runs of one pool, and three workers: one is online, and ours."""

    def __init__(self, runs: list[FlowRun]) -> None:
        self.runs, self.asked = runs, 0

    async def read_workers_for_work_pool(self, pool: str) -> list[Any]:
        states = {"ours": "ONLINE", "other": "ONLINE", "gone": "OFFLINE"}
        return [
            SimpleNamespace(name=name, status=WorkerStatus(state)) for name, state in states.items()
        ]

    async def read_flow_runs(self, limit: int, offset: int, **_: Any) -> list[FlowRun]:
        self.asked += 1
        return self.runs[offset : offset + limit]


def run_of(worker: str | None) -> FlowRun:
    labels: dict[str, Any] = {"prefect.worker.name": worker} if worker else {}
    return FlowRun(flow_id=uuid4(), labels=labels, state=Running())


def found(client: FakeClient, known: list[UUID]) -> list[UUID]:
    async def search() -> list[UUID]:
        runs = former_runs(client, "pool", "ours", known)  # type: ignore[arg-type]
        return [run.id async for run in runs]

    return anyio.run(search)


def test_those_of_workers_that_have_gone_and_our_own() -> None:
    runs = {name: run_of(name) for name in ("ours", "other", "gone", "forgotten", None)}
    known = run_of("ours")
    client = FakeClient([*runs.values(), known])
    wanted = [runs[name].id for name in ("ours", "gone", "forgotten", None)]
    assert found(client, [known.id]) == wanted


def test_many() -> None:
    client = FakeClient([run_of("ours") for _ in range(400)])
    assert found(client, []) == [run.id for run in client.runs]
    assert client.asked == 3


@pytest.mark.parametrize(
    ("state", "seconds", "pid", "lost"),
    [
        (Pending(), 400, None, True),
        (Pending(), 200, None, False),
        (Pending(), 400, "slurm:17", False),
        (Running(), 400, None, False),
        (None, 0, None, False),
    ],
)
def test_a_run_whose_worker_was_killed_in_the_midst_of_submitting(
    state: State[Any] | None, seconds: float, pid: str | None, lost: bool
) -> None:
    if state is not None:
        state = state.model_copy(update={"timestamp": datetime.now(UTC) - timedelta(0, seconds)})
    assert was_lost(FlowRun(flow_id=uuid4(), state=state, infrastructure_pid=pid)) == lost
