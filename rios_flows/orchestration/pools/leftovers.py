"""Ends what a run has on a work pool when the run has gone: its program is run by a `Guard`."""

from __future__ import annotations

import sys
import time
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled

from rios_flows.orchestration.impatient import impatient_client
from rios_flows.orchestration.pools.tickets import remove

_ENDED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]

#: So often the server is told when a run was killed, and the time between (s).
_TRIES, _PAUSE = 12, 5.0


def tag_of(token: str) -> str:
    """Return the tag of all flow runs of a run's workers; names of secrets begin so, too."""
    return f"rios-workers-{token}"


def living(client: SyncPrefectClient, token: str) -> list[FlowRun]:
    """Return the flow runs of a run's workers that have not ended, at most some 200."""
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[tag_of(token)]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(not_any_=_ENDED)),
    )
    return client.read_flow_runs(flow_run_filter=wanted)


def end(client: SyncPrefectClient, token: str, message: str) -> None:
    """Have all workers of a run be cancelled for the server, and its secrets be gone."""
    before: set[UUID] = set()
    # as many as are told at a time; a server that leaves them as they are is not asked for ever
    while (runs := living(client, token)) and (now := {run.id for run in runs}) != before:
        for run in runs:
            client.set_flow_run_state(run.id, Cancelled(message=message), force=True)
        before = now
    remove(client, tag_of(token))


def main(token: str) -> None:
    """End what a killed run has left; a server that is away is asked again for a while."""
    for left in reversed(range(_TRIES)):
        try:
            with impatient_client() as client:
                end(client, token, "The process of the run was killed")
        except Exception:
            if not left:
                raise
            time.sleep(_PAUSE)
        else:
            return


if __name__ == "__main__":
    main(sys.argv[1])
