"""Calls that wait, cut into short waits, so that they can be given up in between."""

from __future__ import annotations

import inspect
import math
import queue
import time
from collections.abc import Callable
from typing import Any

#: Longest wait before it is asked again whether to go on (s).
SLICE = 0.1

#: Methods of queues and events that wait up to a timeout which is given in the call.
_PATIENT = frozenset({"get", "put", "wait"})


def call(
    target: Any,
    method: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    go_on: Callable[[], None],
) -> Any:
    """Call a method; one that waits is given up when ``go_on`` raises.

    A barrier is left to wait: a shorter wait would break it for all.
    """
    function = getattr(target, method)
    if method not in _PATIENT or hasattr(target, "abort"):
        return function(*args, **kwargs)
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    limit = bound.arguments.get("timeout", -1)
    if not bound.arguments.get("block", True) or (limit is not None and limit < 0):
        return function(*args, **kwargs)
    end = math.inf if limit is None else time.monotonic() + limit
    while True:
        go_on()
        left = max(0.0, end - time.monotonic())
        bound.arguments["timeout"] = min(SLICE, left)
        try:
            found = function(*bound.args, **bound.kwargs)
        except (queue.Empty, queue.Full):
            if left <= SLICE:
                raise
        else:
            if method != "wait" or found or left <= SLICE:
                return found
