"""Launchers that the floor above offers to the runs that it starts, as only it knows Prefect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.workers.launchers.launcher import Launcher, Order
from rios_flows.workers.launchers.undertaker import Undertaker

#: Makes a launcher.
Launching = Callable[[Order, Undertaker], Launcher]

#: Looks whether the work pool of a style can be used, and returns what makes its launcher.
FindPool = Callable[[ConcurrencyStyle], Launching]

_offered: ContextVar[FindPool | None] = ContextVar("rios_flows_pools", default=None)


@contextmanager
def pools_by(find: FindPool) -> Iterator[None]:
    """Have runs in this ``with`` block find their work pools so."""
    token = _offered.set(find)
    try:
        yield
    finally:
        _offered.reset(token)


def finder_of_pools() -> FindPool | None:
    """Return what finds work pools here; None without Prefect."""
    return _offered.get()
