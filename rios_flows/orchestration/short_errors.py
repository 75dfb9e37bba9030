"""Errors of ``apply()`` in the log of a flow around it: the frames of the user's, and no others."""

from __future__ import annotations

import logging

from rios_flows.basics.tracebacks import are_full, without
from rios_flows.rioserrors import RiosError

_HIDDEN = ("prefect", "rios_flows")


def _shorten(record: logging.LogRecord) -> bool:
    """Take out of what Prefect logs of a flow that failed how Prefect came to call it."""
    kind, error, trace = record.exc_info or (None, None, None)
    if kind is not None and isinstance(error, RiosError) and not are_full():
        record.exc_info = kind, error, without(_HIDDEN, trace)
    return True


def shorten_in_logs() -> None:
    """Have the logs of flow runs show errors of this library so."""
    logging.getLogger("prefect.flow_runs").addFilter(_shorten)
