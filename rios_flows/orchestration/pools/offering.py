"""Offers the server's work pools to a run; what they need is imported when a run has one."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from uuid import UUID

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.workers.launchers.offered import Launching, pools_by


def pools_for(flow_run: UUID | None) -> AbstractContextManager[None]:
    """Let runs in this ``with`` block have workers on work pools, shown under a flow run."""
    return pools_by(partial(_find, flow_run))


def _find(flow_run: UUID | None, style: ConcurrencyStyle) -> Launching:
    from rios_flows.orchestration.pools.launcher import found

    return found(flow_run, style)
