"""Prefect in a forked child: the pending events of its parent's services are not the child's."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress


def _end_services() -> None:
    # Prefect drops their events in a child, and asks for them at its end: exit code 1
    with suppress(ImportError, AttributeError):
        from prefect._internal.concurrency import services

        for service in list(services._active_services):
            service._done_event = asyncio.Event()
            service._done_event.set()


def let_children_end() -> None:
    """Make children that are forked from now on end as they would without Prefect."""
    # after Prefect's own handler, which its import registers
    os.register_at_fork(after_in_child=_end_services)
