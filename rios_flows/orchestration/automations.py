"""Automations that a server should have."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from prefect.client.schemas.objects import StateType
from prefect.events.actions import CallWebhook, ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from rios_flows.orchestration.life import ALIVE, EVERY, LEFT

CRASHES = "rios-flows: mark runs that have died as crashed"
LANE_CRASHES = "rios-flows: mark task runs of runs that have died as crashed"
#: The message of the state; a run that is alive after all takes it back.
NO_SIGN = "No sign of life has come from this run: its process or machine has died"
#: A run that shows no sign of life for so long has died (s): two may be lost.
PATIENCE = 3 * EVERY

#: What else may come in place of a sign of life.
_ENDS = ("Completed", "Failed", "TimedOut", "Cancelled", "Crashed", "Paused", "Suspended")


#: Events of the task runs that went on at the last sign of life, as of then: a server records the
#: states of task runs by their events, and one that has ended since has a later state, which stays.
_TASKS_CRASHED = """[{% for task in event.payload.tasks %}{{ "," if not loop.first }}{
"id": "{{ task.event }}",
"occurred": "{{ event.occurred.isoformat() }}",
"event": "prefect.task-run.Crashed",
"resource": {"prefect.resource.id": "prefect.task-run.{{ task.task }}",
"prefect.resource.name": {{ task.run.name | tojson }},
"prefect.state-name": "Crashed", "prefect.state-type": "CRASHED",
"prefect.orchestration": "client"},
"related": [{"prefect.resource.id": "prefect.flow-run.{{ task.flow }}",
"prefect.resource.role": "flow-run"}],
"payload": {"validated_state": {"type": "CRASHED", "name": "Crashed", "message": "NO_SIGN"},
"task_run": {{ task.run | tojson }}}
}{% endfor %}]""".replace("NO_SIGN", NO_SIGN)


def crash_automation(patience: float = PATIENCE) -> AutomationCore:
    """Return the automation that marks runs whose process has died as crashed.

    It sees runs of `rios_flows` only, and the flow runs in which they are, as long as they last.

    Parameters
    ----------
    patience : float
        How long after its last sign of life a run counts as dead (s); at least 10.
    """
    return AutomationCore(
        name=CRASHES,
        description="Made by rios_flows, whose runs show signs of life every 30 s.",
        trigger=_silence(patience, *(f"prefect.flow-run.{name}" for name in _ENDS)),
        actions=[
            ChangeFlowRunState(name=None, state=StateType.CRASHED, message=NO_SIGN, force=False)
        ],
    )


def lane_automation(events: UUID, patience: float = PATIENCE) -> AutomationCore:
    """Return the automation that does so with the task runs of such a run.

    Automations cannot change task runs. So this one sends the events of their states.

    Parameters
    ----------
    events : UUID
        The webhook block by which the server can post events to itself.
    patience : float
        As in :func:`crash_automation`.
    """
    return AutomationCore(
        name=LANE_CRASHES,
        description="Made by rios_flows; its webhook is the server's own way to take events.",
        # however the flow run ends
        trigger=_silence(patience),
        actions=[CallWebhook(block_document_id=events, payload=_TASKS_CRASHED)],
    )


def _silence(patience: float, *ends: str) -> EventTrigger:
    """Return what sets off for each run that shows no more signs of life, and has not ended."""
    return EventTrigger(
        posture=Posture.Proactive,
        after={ALIVE},
        expect={ALIVE, LEFT, *ends},
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        for_each={"prefect.resource.id"},
        threshold=1,
        within=timedelta(seconds=patience),
    )
