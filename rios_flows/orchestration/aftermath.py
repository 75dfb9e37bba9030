"""Tells a server of runs whose process was killed; `guard` has it run, in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import StateType, TaskRun
from prefect.states import Crashed

KILLED = "The process of this run was killed"

_ALIVE = TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.RUNNING]))


def mark(runs: Iterable[UUID]) -> None:
    """Mark flow runs, and their task runs that seem to go on, as crashed."""
    with get_client(sync_client=True) as client:
        for run in runs:
            for task in _going_on(client, run):
                client.set_task_run_state(task.id, Crashed(message=KILLED), force=True)
            # not by force: the server leaves one that has ended as it is
            client.set_flow_run_state(run, Crashed(message=KILLED))


def _going_on(client: SyncPrefectClient, run: UUID) -> list[TaskRun]:
    return client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])),
        task_run_filter=TaskRunFilter(state=_ALIVE),
    )


if __name__ == "__main__":
    mark([UUID(word) for word in sys.argv[1:]])
