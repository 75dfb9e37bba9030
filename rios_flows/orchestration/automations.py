"""Automations that a server should have."""

from __future__ import annotations

from datetime import timedelta

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from rios_flows.orchestration.life import ALIVE, EVERY, LEFT

CRASHES = "rios-flows: mark runs that have died as crashed"
#: The message of the state; a run that is alive after all takes it back.
NO_SIGN = "No sign of life has come from this run: its process or machine has died"
#: A run that shows no sign of life for so long has died (s): two may be lost.
PATIENCE = 3 * EVERY

#: What else may come in place of a sign of life.
_ENDS = ("Completed", "Failed", "TimedOut", "Cancelled", "Crashed", "Paused", "Suspended")


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
        trigger=EventTrigger(
            posture=Posture.Proactive,
            after={ALIVE},
            expect={ALIVE, LEFT, *(f"prefect.flow-run.{name}" for name in _ENDS)},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            for_each={"prefect.resource.id"},
            threshold=1,
            within=timedelta(seconds=patience),
        ),
        actions=[
            ChangeFlowRunState(name=None, state=StateType.CRASHED, message=NO_SIGN, force=False)
        ],
    )
