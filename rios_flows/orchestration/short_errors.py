"""Errors of ``apply()`` in the log of a flow around it: once, and with no frames but the user's."""

from __future__ import annotations

import logging
import re
from types import TracebackType

from rios_flows.basics.tracebacks import are_full, without
from rios_flows.rioserrors import RiosError

_HIDDEN = ("prefect", "rios_flows")

#: What Prefect says of an error before its traceback, and of the state of a run after it.
_BEFORE = re.compile(
    "(Encountered exception during execution|Task run failed with exception)"
    "(?s:.*?)( - Retries are exhausted)?"
)
_AFTER = re.compile(r"(Finished in state \w+)\(.* encountered an exception.*\)", re.DOTALL)

#: Flow runs and task runs that go on, with an error in their log.
_told: set[str] = set()

#: Attribute of an error that a task run has told: the flow run whose log has it, too.
_TOLD_IN = "_told_in"


def _shorten(record: logging.LogRecord) -> bool:
    """Take out of what Prefect logs of a run that failed what is there already."""
    kind, error, trace = record.exc_info or (None, None, None)
    message = str(record.msg)
    if kind is not None and isinstance(error, RiosError) and not are_full():
        record.exc_info = kind, error, without(_HIDDEN, trace)
        if found := _BEFORE.fullmatch(message):
            record.msg, record.args = found[1] + (found[2] or ""), ()
            _tell_once(record, error)
    elif isinstance(error, TimeoutError) and _is_through_us(error) and not are_full():
        # the message says it, and where it was is where the time was over
        record.exc_info = None
    elif _run_of(record) in _told and message.startswith("Finished in state"):
        _told.discard(_run_of(record))
        record.msg = _AFTER.sub(r"\1()", message)
    return True


def _tell_once(record: logging.LogRecord, error: RiosError) -> None:
    flow_run = str(getattr(record, "flow_run_id", ""))
    if getattr(record, "task_run_id", None) is not None:
        setattr(error, _TOLD_IN, flow_run)
    elif getattr(error, _TOLD_IN, None) == flow_run:
        # by a task; the state that follows names it
        record.exc_info = None
        return
    _told.add(_run_of(record))


def _run_of(record: logging.LogRecord) -> str:
    return f"{getattr(record, 'flow_run_id', '')} {getattr(record, 'task_run_id', '')}"


def _is_through_us(error: TimeoutError) -> bool:
    """Return whether a run of ours was broken off by the time limit of something around it."""
    cause = error.__cause__ or error.__context__
    trace: TracebackType | None = cause.__traceback__ if cause is not None else None
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).startswith("rios_flows."):
            return True
        trace = trace.tb_next
    return False


def shorten_in_logs() -> None:
    """Have the logs of flow runs and task runs show errors of this library so."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(_shorten)
