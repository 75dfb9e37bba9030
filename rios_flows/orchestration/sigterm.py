"""The signal that ends a flow's process, noted in place of breaking off whatever goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

import prefect.utilities.engine as prefects

_NAMES = ("_prefect_sigterm_bridge_lock", "_prefect_sigterm_handler")


@contextmanager
def noting_sigterm(note: Callable[..., None]) -> Iterator[None]:
    """Have ``note`` called by the signal, where Prefect would raise TerminationSignal.

    Prefect tells a worker that it may send the signal only while its own handler is in place, and
    looks for that by the name it has in its module. A version without these names breaks off.
    """
    if not all(hasattr(prefects, name) for name in _NAMES):
        yield
        return
    with prefects._prefect_sigterm_bridge_lock:
        prefects_own = prefects._prefect_sigterm_handler
        handler = signal.getsignal(signal.SIGTERM)
        ours = current_thread() is main_thread() and handler is prefects_own
        if ours:
            _install(note)
    try:
        yield
    finally:
        if ours:
            with prefects._prefect_sigterm_bridge_lock:
                _install(prefects_own)


def _install(handler: Callable[..., Any]) -> None:
    prefects._prefect_sigterm_handler = handler
    signal.signal(signal.SIGTERM, handler)
