"""What the states of a run, and of those around it, mean for what it is doing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, State

from rios_flows.orchestration.aftermath import KILLED
from rios_flows.orchestration.automations import NO_SIGN

What = Literal["goes on", "rests", "revives", "was suspended", "was cancelled", "was ended"]


@dataclass(frozen=True)
class Verdict:
    """What a run is to do, since one of the flow runs that it consists of has a certain state."""

    what: What
    run: UUID | None = None
    state: State[Any] | None = None

    @property
    def ends(self) -> bool:
        """Whether the run is to end."""
        return self.what.startswith("was")

    @property
    def is_final(self) -> bool:
        """Whether the state is one that does not change any more."""
        return self.state is not None and self.state.is_final()


GOES_ON = Verdict("goes on")

#: A worker's message of a run whose process it has ended, which may be some seconds ago.
ENDED_BY_WORKER = "Flow run was cancelled successfully."


def verdict_on(runs: Iterable[FlowRun], signalled: bool = True) -> Verdict:
    """Return what a run is to do, given it and the flow runs around it as the server knows them.

    If ``signalled``, a worker's signal is waited for where one comes.
    """
    found = [_verdict(run, run.state, signalled) for run in runs if run.state is not None]
    for verdict in found:
        if verdict.ends:
            return verdict
    return next((verdict for verdict in found if verdict.what != "goes on"), GOES_ON)


def _verdict(run: FlowRun, state: State[Any], signalled: bool) -> Verdict:
    if state.is_paused():
        return Verdict(_paused(run, state), run.id, state)
    if _is_mistaken(run.id, state):
        return Verdict("revives", run.id, state)
    waits = signalled and gets_signal(run.id)
    if state.is_cancelled() or (state.is_cancelling() and not waits):
        return Verdict("was cancelled", run.id, state)
    return Verdict("was ended", run.id, state) if state.is_final() else GOES_ON


def _is_mistaken(run: UUID, state: State[Any]) -> bool:
    """Return whether a state was set by somebody who takes this process for dead."""
    if state.is_crashed() and state.message in (NO_SIGN, KILLED):
        # it has been silent for long: a server that was away, a machine that slept; or an earlier
        # attempt was killed, and its guard could not say so before
        return True
    # a worker says so when it has ended a process: that of an earlier attempt, as this one lives
    return state.is_cancelled() and state.message == ENDED_BY_WORKER and gets_signal(run)


def _paused(run: FlowRun, state: State[Any]) -> What:
    details = state.state_details
    # only a run of a deployment can come again, in a new process
    if run.deployment_id is not None and (details.pause_reschedule or state.name == "Suspended"):
        return "was suspended"
    over = details.pause_timeout is not None and details.pause_timeout < datetime.now(UTC)
    return "was ended" if over else "rests"


def gets_signal(run: UUID) -> bool:
    """Return whether this process is to be ended by a signal when a flow run is cancelled."""
    return os.environ.get("PREFECT__FLOW_RUN_ID") == str(run)
