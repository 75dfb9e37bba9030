"""A flow of a user's own, which Prefect imports from this file."""

from __future__ import annotations

from typing import Any

from prefect import flow

from rios_flows import applier
from rios_flows.jobs.description import Description
from rios_flows.orchestration import life


@flow(name="users-flow")
def users_flow(job: dict[str, Any]) -> None:
    applier.apply(*Description.parse(job, "job").call())


@flow(name="often-alive")
def often_alive(job: dict[str, Any]) -> None:
    """Do the same, with more signs of life than users need."""
    life.EVERY = 2.0
    users_flow.fn(job)
