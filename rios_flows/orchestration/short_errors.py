"""Errors of ``apply()`` in the log of a flow around it: once, and with no frames but the user's."""

from __future__ import annotations

import logging
import re

from rios_flows.basics.tracebacks import are_full, without
from rios_flows.rioserrors import RiosError

_HIDDEN = ("prefect", "rios_flows")

#: What Prefect says of an error before its traceback, and of the state of a flow run after it.
_BEFORE = "Encountered exception during execution"
_AFTER = re.compile(r"(Finished in state \w+)\(.* encountered an exception.*\)", re.DOTALL)

#: Flow runs that go on, with an error in their log.
_told: set[str] = set()


def _shorten(record: logging.LogRecord) -> bool:
    """Take out of what Prefect logs of a flow that failed what is there already."""
    kind, error, trace = record.exc_info or (None, None, None)
    run, message = str(getattr(record, "flow_run_id", "")), str(record.msg)
    if kind is not None and isinstance(error, RiosError) and not are_full():
        record.exc_info = kind, error, without(_HIDDEN, trace)
        if message.startswith(_BEFORE):
            record.msg, record.args = _BEFORE, ()
            _told.add(run)
    elif run in _told and message.startswith("Finished in state"):
        _told.discard(run)
        record.msg = _AFTER.sub(r"\1()", message)
    return True


def shorten_in_logs() -> None:
    """Have the logs of flow runs show errors of this library so."""
    logging.getLogger("prefect.flow_runs").addFilter(_shorten)
