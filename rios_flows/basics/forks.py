"""What a forked child may do: it has no other threads, and locks stay as they were.

GDAL starts its threads once for a process: a child that gave them work would wait for ever. So
would a child that needs a lock which another thread of its parent held at the fork.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rios_flows import rioserrors

#: One object for each piece of work that this process is doing now.
_at_work: set[object] = set()

#: Open files that block others as long as any process has them open.
_handles: set[int] = set()


class _Here:
    """Whether this process is a forked child, and may share its parent's connections to servers."""

    # a module that a child imports first cannot have seen the fork
    forked = connected = (
        type(getattr(sys.modules.get("multiprocessing.process"), "_current_process", None)).__name__
        == "ForkProcess"
    )
    #: whether it was forked while some thread was at work
    amid_work = False


def forked() -> bool:
    """Return whether GDAL must work without threads of its own in this process."""
    return _Here.forked


@contextmanager
def working() -> Iterator[None]:
    """Note that this process is at work; refuse if it was forked while its parent was at work."""
    if _Here.amid_work:
        raise rioserrors.UnavailableError(
            f"This process ({os.getpid()}) was forked while a run was in progress in its parent, "
            "and may hold locks that nobody will ever release; fork before the run begins or after "
            "it has ended, or start the process afresh: "
            "multiprocessing.get_context('spawn') or 'forkserver'"
        )
    token = object()
    _at_work.add(token)
    try:
        yield
    finally:
        _at_work.discard(token)


def shares_connections() -> bool:
    """Return, once, whether to drop connections to servers: the parent uses them too."""
    shared, _Here.connected = _Here.connected, False
    return shared


def without_threads(options: dict[str, str]) -> dict[str, str]:
    """Remove GDAL's threads from creation options if they would do no work."""
    if _Here.forked and "NUM_THREADS" in options:
        return {**options, "NUM_THREADS": "1"}
    return options


def keep_from_children(handle: int) -> None:
    """Close an open file in children, because this process locks or frees it."""
    _handles.add(handle)


def close(handle: int) -> None:
    """Close a file of :func:`keep_from_children`."""
    _handles.discard(handle)
    os.close(handle)


def _begin_child() -> None:
    # this must not wait: it runs in every child, whatever that is for
    _Here.forked = _Here.connected = True
    _Here.amid_work = _Here.amid_work or bool(_at_work)
    _at_work.clear()
    while _handles:
        with suppress(OSError):
            os.close(_handles.pop())


os.register_at_fork(after_in_child=_begin_child)
