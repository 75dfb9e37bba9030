"""What a Prefect work pool has for workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.extraparams import POOL
from rios_flows.doctor.findings import Findings
from rios_flows.orchestration.api_settings import configured_url, without_password
from rios_flows.rioserrors import UnavailableError
from rios_flows.workers.launchers.offered import finder_of_pools


def look_at_pool(found: Findings, style: ConcurrencyStyle, extra: Mapping[str, Any]) -> None:
    """See that the server has the pool, and that it starts what is asked for."""
    url = configured_url()
    if url is None:
        raise UnavailableError(
            "No Prefect server is configured; set PREFECT_API_URL to the one that has the pool"
        )
    find = finder_of_pools()
    assert find is not None
    find(style)
    found.add(
        "work pool", "good", f"{extra[POOL]} at {without_password(url)} takes flow runs of workers"
    )
