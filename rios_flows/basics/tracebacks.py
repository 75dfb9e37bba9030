"""Tracebacks that end at the user's line: frames of this package are left out.

``RIOS_FLOWS_TRACEBACK=full`` in the environment keeps them.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TypeVar

from rios_flows.rioserrors import RiosError, WorkerExceptionError

_PACKAGE = __name__.partition(".")[0]

_Error = TypeVar("_Error", bound=RiosError)

VARIABLE = "RIOS_FLOWS_TRACEBACK"


def shortened(error: _Error) -> _Error:
    """Take frames of this package from an error that is told to the user, and from its causes.

    What raises the error again adds its own frame. Of causes outside the user's function, such as
    rasterio's, only the text is left: the message says what they mean.
    """
    if are_full():
        return error
    of_user = isinstance(error, WorkerExceptionError)
    # an error of the user's own may refuse whatever it is asked
    with suppress(Exception):
        for cause in _causes(error):
            cause.__traceback__ = without({_PACKAGE}, cause.__traceback__) if of_user else None
            cause.__suppress_context__ = cause.__suppress_context__ or not of_user
    return error.with_traceback(None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what Python prints above an error."""
    seen = {id(error)}
    above = error.__cause__ or error.__context__
    while above is not None and id(above) not in seen:
        yield above
        seen.add(id(above))
        above = above.__cause__ or above.__context__


def are_full() -> bool:
    """Return whether the user wants to see all frames."""
    return os.environ.get(VARIABLE, "").lower() == "full"


def without(packages: Collection[str], trace: TracebackType | None) -> TracebackType | None:
    """Return the frames that are not of some packages."""
    frames = []
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] not in packages:
            frames.append(trace)
        trace = trace.tb_next
    kept: TracebackType | None = None
    for each in reversed(frames):
        kept = TracebackType(kept, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return kept
