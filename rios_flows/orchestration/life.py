"""Events that tell a server which flow runs are alive: what an automation waits for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import Event, emit_event

from rios_flows.orchestration.farewells import FAREWELLS

#: A run is alive, or so is a flow run in which it is.
ALIVE = "rios_flows.run.alive"
#: No more signs of life will come.
LEFT = "rios_flows.run.left"
#: Seconds between two signs of life.
EVERY = 30.0


class SignsOfLife:
    """Tells a server that some flow runs of this process are alive, and when that is over.

    Not Prefect's heartbeats: how often these come is up to each flow, and three minutes by default.
    An automation that waits for them would take slow ones for dead. Those of the first flow run
    tell which task runs go on, too: a server that hears no more knows then whom it is about.
    """

    def __init__(self, runs: Sequence[FlowRun], tasks: Sequence[TaskRun] = ()) -> None:
        self._runs = runs
        self._tasks = {task.id: task for task in tasks}
        self._around = {run.id: run for run in runs[1:]}
        self._next = 0.0
        self._shown: dict[UUID, Event | None] = {}

    @contextmanager
    def with_task(self, task: TaskRun) -> Iterator[None]:
        """Have a task run be among those that go on."""
        self._tasks[task.id] = task
        self._next = 0.0
        try:
            yield
        finally:
            del self._tasks[task.id]

    def show(self) -> None:
        """Send a sign of life, if one is due."""
        if (now := time.monotonic()) < self._next:
            return
        self._next = now + EVERY
        # by the clock that the states of task runs go by: what comes later is none of this
        when = datetime.now(UTC)
        if not self._shown:
            FAREWELLS.begin(self._around)
        told = {"tasks": [_told(task, when) for task in list(self._tasks.values())]}
        for run in self._runs:
            payload = told if run is self._runs[0] else None
            self._shown[run.id] = emit_event(ALIVE, _resource(run), when, payload=payload)

    def revive_tasks(self) -> None:
        """Tell that the task runs go on, which were taken for dead."""
        when = datetime.now(UTC)
        for task in list(self._tasks.values()):
            emit_event(**_goes_on(task, when))
        # should nothing more come, these states are older than the last sign
        self._next = 0.0
        self.show()

    def end(self) -> None:
        """Tell that no more will come; more than once of flow runs that go on after this."""
        shown, self._shown = self._shown, {}
        if not shown:
            return
        for run in self._runs:
            if run.id in shown:
                # the server works on several events at a time: not on this one before that one
                emit_event(LEFT, _resource(run), follows=shown[run.id])
        FAREWELLS.end(self._around, lambda run: _leave(self._around[run]))


def _leave(run: FlowRun) -> None:
    emit_event(LEFT, _resource(run))


def _resource(run: FlowRun) -> dict[str, str]:
    return {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}


def _told(task: TaskRun, when: datetime) -> dict[str, Any]:
    """Return what the event has to say that marks a task run as crashed."""
    began = task.start_time or when
    spent = {"end_time": when.isoformat(), "total_run_time": (when - began).total_seconds()}
    return {
        "event": str(uuid4()),
        "task": str(task.id),
        "flow": str(task.flow_run_id),
        "run": {**_identity(task), **spent},
    }


def _goes_on(task: TaskRun, when: datetime) -> dict[str, Any]:
    """Return the event by which a server records that a task run goes on."""
    message = "It is alive, and goes on"
    resource = {"prefect.resource.id": f"prefect.task-run.{task.id}"}
    labels = {"prefect.resource.name": task.name, "prefect.orchestration": "client"}
    flow = {"prefect.resource.id": f"prefect.flow-run.{task.flow_run_id}"}
    return {
        "event": "prefect.task-run.Running",
        "occurred": when,
        "resource": {**resource, **labels},
        "related": [{**flow, "prefect.resource.role": "flow-run"}],
        "payload": {
            "validated_state": {"type": "RUNNING", "name": "Running", "message": message},
            "task_run": {**_identity(task), "end_time": None, "total_run_time": 0.0},
        },
    }


def _identity(task: TaskRun) -> dict[str, str]:
    return {"name": task.name, "task_key": task.task_key, "dynamic_key": task.dynamic_key}


def runs_around() -> list[FlowRun]:
    """Return the flow run that goes on here, and those of this process that it is part of."""
    runs = []
    for context in _contexts(FlowRunContext):
        if context.detached:
            break
        if context.flow_run is not None:
            runs.append(context.flow_run)
    return runs


def tasks_around() -> list[TaskRun]:
    """Return the task runs of flows of this process in which this goes on."""
    tasks = [context.task_run for context in _contexts(TaskRunContext)]
    return [task for task in tasks if task.flow_run_id is not None]


def _contexts(kind: type[Any]) -> Iterator[Any]:
    """Yield the context of a kind, and those around it."""
    context = kind.get()
    while isinstance(context, kind):
        yield context
        # Prefect has no other way to what is around
        token = context._token
        context = token.old_value if token is not None else None
