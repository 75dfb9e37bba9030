"""Prefect in a forked child: what its parent's services still have to tell is not the child's."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress


def _end_services() -> None:
    # Prefect takes their events away in a child and asks for them when it ends: exit code 1
    with suppress(ImportError, AttributeError):
        from prefect._internal.concurrency import services

        for service in list(services._active_services):
            service._done_event = asyncio.Event()
            service._done_event.set()


def let_children_end() -> None:
    """Let children that are forked from now on end as they would without Prefect."""
    # after Prefect's own, which is registered as it is imported
    os.register_at_fork(after_in_child=_end_services)
