"""What a worker finds when it starts: its own flow runs of before, and those of others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkerStatus

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
            if run.id not in known and run.labels.get("prefect.worker.name") not in others:
                yield run
        if not page:
            return


async def _living(client: PrefectClient, pool: str) -> set[str]:
    workers = await client.read_workers_for_work_pool(pool)
    return {worker.name for worker in workers if worker.status is WorkerStatus.ONLINE}


def was_lost(run: FlowRun) -> bool:
    """Return whether a worker has ended in the midst of submitting a job for a flow run."""
    state = run.state
    if state is None or not state.is_pending() or run.infrastructure_pid:
        return False
    return datetime.now(UTC) - state.timestamp > timedelta(seconds=_SUBMITTING)
