"""Events that tell a server which flow runs are alive: what an automation waits for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.events import Event, emit_event

#: A run is alive, or so is a flow run in which it is.
ALIVE = "rios_flows.run.alive"
#: No more signs of life will come.
LEFT = "rios_flows.run.left"
#: Seconds between two signs of life.
EVERY = 30.0


class SignsOfLife:
    """Tells a server that some flow runs of this process are alive, and when that is over.

    Not Prefect's heartbeats: how often these come is up to each flow, and three minutes by default.
    An automation that waits for them would take slow ones for dead.
    """

    def __init__(self, runs: Sequence[FlowRun]) -> None:
        self._runs = runs
        self._next = 0.0
        self._shown: dict[UUID, Event | None] = {}

    def show(self) -> None:
        """Send a sign of life, if one is due."""
        if (now := time.monotonic()) >= self._next:
            self._next = now + EVERY
            self._shown = {run.id: emit_event(ALIVE, _resource(run)) for run in self._runs}

    def end(self) -> None:
        """Tell that no more will come."""
        shown, self._shown = self._shown, {}
        for run in self._runs:
            if run.id in shown:
                # the server works on several events at a time: not on this one before that one
                emit_event(LEFT, _resource(run), follows=shown[run.id])


def _resource(run: FlowRun) -> dict[str, str]:
    return {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}


def runs_around() -> list[FlowRun]:
    """Return the flow run that goes on here, and those of this process that it is part of."""
    runs, context = [], FlowRunContext.get()
    while isinstance(context, FlowRunContext) and not context.detached:
        if context.flow_run is not None:
            runs.append(context.flow_run)
        # Prefect has no other way to what is around
        token = context._token
        context = token.old_value if token is not None else None
    return runs
