"""Offers the server's work pools to a run; what they need is imported when a run has one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.workers.launchers.offered import Launching, pools_by

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun


def pools_for(runs: Sequence[FlowRun]) -> AbstractContextManager[None]:
    """Let runs in this ``with`` block have workers on work pools, shown under a flow run.

    That is the first one, if any; the others are those around it.
    """
    return pools_by(partial(_find, runs))


def _find(runs: Sequence[FlowRun], style: ConcurrencyStyle) -> Launching:
    from rios_flows.orchestration.pools.launcher import found

    return found(runs, style)
