"""Threads that see what whoever starts them sees: the context's log, server and settings."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from threading import Thread
from typing import Any

from rios_flows.rioserrors import UnavailableError


def thread_in_context(work: Callable[..., object], *args: Any, name: str | None = None) -> Thread:
    """Return a thread, not started, for work in a copy of the caller's context; no exit waits.

    Prefect keeps there which server it talks to, and a log which flow run its lines belong to.
    """
    return Thread(target=copy_context().run, args=(work, *args), name=name, daemon=True)


def start(thread: Thread) -> None:
    """Start a thread; raise UnavailableError where the system has none left."""
    try:
        thread.start()
    except RuntimeError as error:
        raise UnavailableError(
            f"No thread can be started for {thread.name}: {error}; ask for fewer workers, or see "
            "how many processes and threads this user may have (ulimit -u)"
        ) from error
