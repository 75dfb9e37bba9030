"""A client of the Prefect server that gives up soon: the work of a run must not wait for it."""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient, get_client

#: Longest wait for one answer of the server (s).
TIMEOUT = 10.0


def impatient_client() -> SyncPrefectClient:
    """Return a client for a ``with`` block."""
    return get_client({"timeout": TIMEOUT}, sync_client=True)
