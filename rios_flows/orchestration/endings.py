"""How a flow run of `apply()` has ended: for Prefect a state, for who has called it an error."""

from __future__ import annotations

import logging
from typing import Any

import httpx
from prefect.client.schemas.objects import FlowRun, State
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Failed

from rios_flows.basics.errortext import summary_of, text_of
from rios_flows.basics.workererror import as_its_cause
from rios_flows.orchestration.api_settings import without_password
from rios_flows.orchestration.call import ApplyCall
from rios_flows.orchestration.run_states import end_as_cancelled
from rios_flows.orchestration.state_data import kept
from rios_flows.reports.amounts import counted
from rios_flows.reports.outcome import Outcome
from rios_flows.rioserrors import (
    RiosError,
    UnavailableError,
    WorkerExceptionError,
)

logger = logging.getLogger(__name__)


def state_of(call: ApplyCall, run: FlowRun) -> State[Any]:
    """Return the state in which the flow run of a call ends."""
    if call.outcome is None:
        return Failed(message=_failure_message(call), data=call.error)
    # with a result, Prefect would not run a subflow again when its flow is run again
    result = None if call.by_python else kept(call.outcome.words(), run.id)
    return Completed(message=_success_message(call.outcome), data=result)


def raise_error(call: ApplyCall) -> None:
    """Raise the error of a run that has one."""
    if call.cancelled_around is not None:
        end_as_cancelled(call.cancelled_around)
    if isinstance(call.error, WorkerExceptionError):
        raised = as_its_cause(call.error).with_traceback(None)
        raise raised from raised.__cause__
    if isinstance(call.error, RiosError):
        # its message says everything: a traceback through threads and Prefect would only hide it
        raise call.error.with_traceback(None)
    if call.error is not None:
        raise call.error


def raise_if_unreachable(error: BaseException) -> None:
    """Raise a one-line error if Prefect's error means that no server answers."""
    if not isinstance(error, httpx.TransportError) and "Failed to reach API" not in str(error):
        return
    why = summary_of(error.__cause__ or error)
    raise UnavailableError(
        f"No Prefect server answers at {without_password(PREFECT_API_URL.value() or '')} "
        f"(PREFECT_API_URL; {why}): start it with `prefect server start`, set the variable to one "
        "that runs, or unset it to have a temporary one"
    ) from None


def _failure_message(call: ApplyCall) -> str:
    assert call.error is not None
    if call.job is None:
        return f"{type(call.error).__name__}: {text_of(call.error)}"
    # it is printed on one line, and the summary has the rest
    return summary_of(call.error)


def _success_message(outcome: Outcome) -> str:
    old = f", {outcome.resumed:,} of them from the journal" if outcome.resumed else ""
    return f"{counted(outcome.blocks, 'block')} in {outcome.seconds:.1f} s{old}"
