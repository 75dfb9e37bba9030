"""Events that tell what a run has made: automations start what comes next."""

from __future__ import annotations

import os
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event

from rios_flows.reports.outcome import Outcome

#: An output is under its final name. One for each.
PUBLISHED = "rios_flows.output.published"
#: A run has succeeded, and all its outputs are under their final names.
FINISHED = "rios_flows.run.finished"


def resource_of(path: str) -> str:
    """Return the id of an output's resource, by its absolute path or URL: always the same."""
    return f"rios-flows.output.{path}"


def announce(run: FlowRun, outcome: Outcome) -> None:
    """Send the events of a run that has succeeded; Prefect adds flow run, flow and deployment."""
    for output in outcome.outputs:
        resource = {
            "prefect.resource.id": resource_of(output["path"]),
            "prefect.resource.name": os.path.basename(output["path"].rstrip("/")),
            "rios-flows.output": output["name"],
            "rios-flows.driver": output["driver"],
            "rios-flows.job": outcome.name,
        }
        emit_event(PUBLISHED, resource, payload={**output, "grid": outcome.grid})
    resource = {
        "prefect.resource.id": f"prefect.flow-run.{run.id}",
        "prefect.resource.name": run.name,
        "rios-flows.job": outcome.name,
    }
    emit_event(FINISHED, resource, payload=_short(outcome.words()))


def _short(words: dict[str, Any]) -> dict[str, Any]:
    """Leave out statistics, which the event of each output has: one event has room for so much."""
    outputs = [{**each, "statistics": []} for each in words["outputs"]]
    return {**words, "outputs": outputs} if len(outputs) > 1 else words
