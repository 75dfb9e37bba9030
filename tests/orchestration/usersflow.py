"""A flow of a user's own, which Prefect imports from this file."""

from __future__ import annotations

from typing import Any

from prefect import flow

from rios_flows import applier
from rios_flows.jobs.description import Description


@flow(name="users-flow")
def users_flow(job: dict[str, Any]) -> None:
    applier.apply(*Description.parse(job, "job").call())
