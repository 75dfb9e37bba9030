"""The states of a run and of those around it, as the server has them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NoReturn, Self
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateDetails, StateType
from prefect.exceptions import Abort
from prefect.states import Cancelled, Running

from rios_flows.orchestration.changed_settings import changed_settings
from rios_flows.orchestration.impatient import impatient_client


class States:
    """Asks for the states of some flow runs, the run itself first; a context manager."""

    def __init__(self, runs: Sequence[UUID]) -> None:
        self._runs = list(runs)
        self._open = ExitStack()
        self._connected: SyncPrefectClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def ask(self) -> list[FlowRun]:
        """Return the flow runs if any is not running, which is rare; else nothing."""
        client, ids = self._client(), FlowRunFilterId(any_=self._runs)
        other = FlowRunFilterState(type=FlowRunFilterStateType(not_any_=[StateType.RUNNING]))
        # a number: the runs themselves may have parameters of several hundred kilobytes
        if not client.count_flow_runs(flow_run_filter=FlowRunFilter(id=ids, state=other)):
            return []
        found = client.read_flow_runs(flow_run_filter=FlowRunFilter(id=ids))
        return sorted(found, key=lambda run: self._runs.index(run.id))

    def revive(self, run: UUID) -> None:
        """Set a run that was taken for dead to what it is."""
        state: State[Any] = Running(message="It is alive, and goes on")
        self._client().set_flow_run_state(run, state, force=True)

    def _client(self) -> SyncPrefectClient:
        if self._connected is None:
            self._open.enter_context(changed_settings("client", max_retries=0))
            client = impatient_client()
            self._connected = self._open.enter_context(client)
        return self._connected


def end_as_cancelled(run: UUID) -> NoReturn:
    """Leave a flow that was cancelled, and have that be its end."""
    message = "It was cancelled while apply() was running"
    set_state(run, Cancelled(message=message))
    # not an error, which the flow would end with in its place
    raise Abort(message)


def let_come_again(run: UUID, suspended: State[Any] | None) -> None:
    """Have a suspended run start again when it is resumed, if whoever suspended it forgot that."""
    if suspended is None or suspended.state_details.pause_reschedule:
        return
    timeout = suspended.state_details.pause_timeout
    details = StateDetails(pause_timeout=timeout, pause_reschedule=True)
    # else the server would set it to Running, and no process were there
    set_state(run, suspended.model_copy(update={"state_details": details}))


def is_cancelling(run: UUID) -> bool:
    """Return whether a flow run is being cancelled."""
    with impatient_client() as client:
        state = client.read_flow_run(run).state
    return state is not None and state.is_cancelling()


def set_state(run: UUID, state: State[Any]) -> None:
    """Set the state of a flow run, whatever it is in."""
    with impatient_client() as client:
        client.set_flow_run_state(run, state, force=True)
