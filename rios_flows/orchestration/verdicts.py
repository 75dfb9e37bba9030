"""What the states of a run, and of those around it, mean for what it is doing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, State

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


def verdict_on(runs: Iterable[FlowRun]) -> Verdict:
    """Return what a run is to do, given it and the flow runs around it as the server knows them."""
    found = [_verdict(run.id, run.state) for run in runs if run.state is not None]
    for verdict in found:
        if verdict.ends:
            return verdict
    return next((verdict for verdict in found if verdict.what != "goes on"), GOES_ON)


def _verdict(run: UUID, state: State[Any]) -> Verdict:
    if state.is_paused():
        return Verdict(_paused(state), run, state)
    if state.is_cancelled() or (state.is_cancelling() and not gets_signal(run)):
        return Verdict("was cancelled", run, state)
    if state.is_crashed() and state.message == NO_SIGN:
        # it has been silent for long: a server that was away, a machine that slept
        return Verdict("revives", run, state)
    return Verdict("was ended", run, state) if state.is_final() else GOES_ON


def _paused(state: State[Any]) -> What:
    details = state.state_details
    if details.pause_reschedule or state.name == "Suspended":
        # it comes again in a new process
        return "was suspended"
    over = details.pause_timeout is not None and details.pause_timeout < datetime.now(UTC)
    return "was ended" if over else "rests"


def gets_signal(run: UUID) -> bool:
    """Return whether this process is to be ended by a signal when a flow run is cancelled."""
    return os.environ.get("PREFECT__FLOW_RUN_ID") == str(run)
