"""What a worker finds when it starts: its own flow runs of before, and those of others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType, WorkerStatus

_UNFINISHED = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING, StateType.PAUSED]

_PAGE = 200

#: As long a worker may be submitting a job (s); the queue's command gets less.
_SUBMITTING = 300.0


async def former_runs(
    client: PrefectClient, pool: str, worker: str, known: Container[UUID]
) -> AsyncIterator[FlowRun]:
    """Find flow runs of a pool that have begun, and that no worker looks after.

    Parameters
    ----------
    client : PrefectClient
        Of the server.
    pool, worker : str
        Names of the work pool, and of the worker that asks.
    known : container of UUID
        What it looks after already.
    """
    others = await _living(client, pool) - {worker}
    wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNFINISHED)))
    of_pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))
    offset = 0
    while offset % _PAGE == 0:
        page = await client.read_flow_runs(
            flow_run_filter=wanted, work_pool_filter=of_pool, limit=_PAGE, offset=offset
        )
        offset += len(page)
        for run in page:
            if run.id in known or run.state is None:
                continue
            # a suspended run has no job, and needs none
            begun = is_unfinished(run.state) or run.state.is_cancelling()
            if begun and run.labels.get("prefect.worker.name") not in others:
                yield run
        if not page:
            return


def is_unfinished(state: State[Any]) -> bool:
    """Return whether somebody must go on with a flow run, and it is not to come again by itself."""
    if state.is_paused():
        return not (state.state_details.pause_reschedule or state.name == "Suspended")
    return not (state.is_final() or state.is_scheduled() or state.is_cancelling())


async def _living(client: PrefectClient, pool: str) -> set[str]:
    workers = await client.read_workers_for_work_pool(pool)
    return {worker.name for worker in workers if worker.status is WorkerStatus.ONLINE}


def was_lost(run: FlowRun) -> bool:
    """Return whether a worker has ended in the midst of submitting a job for a flow run."""
    state = run.state
    if state is None or not state.is_pending() or run.infrastructure_pid:
        return False
    return datetime.now(UTC) - state.timestamp > timedelta(seconds=_SUBMITTING)
