"""``apply()`` as a Prefect flow."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from copy import copy
from functools import partial
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging.handlers import APILogHandler
from prefect.logging.loggers import flow_run_logger
from prefect.states import Completed, Failed

from rios_flows import engine
from rios_flows.orchestration.artifacts import Artifacts
from rios_flows.orchestration.call import Call
from rios_flows.orchestration.heartbeat import Heartbeat
from rios_flows.orchestration.live import Live
from rios_flows.orchestration.runners import task_runner
from rios_flows.orchestration.tasks import lane_runner
from rios_flows.results import ApplierReturn

logger = logging.getLogger(__name__)

_TO_SERVER = APILogHandler()

# How a call reaches the flow: it can be neither stored by the server nor shown.
_sent: ContextVar[tuple[Call, Heartbeat] | None] = ContextVar("rios_flows_call", default=None)


def _run_name() -> str:
    """Name the flow run that is about to begin."""
    sent = _sent.get()
    if sent is not None:
        return sent[0].name
    context = FlowRunContext.get()
    parameters = (context and context.parameters) or {}
    given = (parameters.get("controls") or {}).get("jobName")
    return str(given or str(parameters.get("function")).rpartition(":")[2])


# retries=0: outputs are published once; whoever wants a second try has a flow of their own
@flow(name="rios-apply", flow_run_name=_run_name, retries=0, persist_result=False)
def apply_flow(
    function: str,
    infiles: dict[str, str | list[str]],
    outfiles: dict[str, str | list[str]],
    controls: dict[str, Any] | None = None,
) -> State[Any]:
    """Apply a function block by block over rasters.

    Args:
        function: The user function, as `package.module:name`.
        infiles: Input files by symbolic name.
        outfiles: Output files by symbolic name.
        controls: Attributes of `ApplierControls`, as `windowxsize`, or `name[image]` for one image.
    """
    sent = _sent.get()
    # a flow that the user's function starts is not this call again
    _sent.set(None)
    if sent is None:
        call = Call.of_parameters(function, infiles, outfiles, controls)
        heartbeat = Heartbeat(every=None)
    else:
        call, heartbeat = sent
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    # get_run_logger() would give that of the task in which apply() was called, if it was
    log = flow_run_logger(context.flow_run, context.flow)
    with call.log, heartbeat.as_before():
        call.log.forward(partial(_send_to_run, context))
        beat = partial(heartbeat.beat, context.flow_run, apply_flow.name)
        _execute(call, Live(Artifacts(context.flow_run.id, call.name), log, beat))
    if call.result is None:
        return Failed(message=_complaint(call.error), data=call.error)
    return Completed(message=_achievement(call.result))


def run(call: Call) -> ApplierReturn:
    """Run a call as a flow run of its own, or a subflow's where a flow is running.

    Raises
    ------
    RiosError
        What was wrong with the call, or the first error of the run.
    """
    heartbeat = Heartbeat.of_settings()
    token = _sent.set((call, heartbeat))
    state = None
    try:
        with heartbeat.instead():
            state = apply_flow(**call.parameters, return_state=True)
    except Exception as error:
        if call.result is None:
            raise
        logger.warning("The outputs are complete, but Prefect was not told: %s", error)
    finally:
        _sent.reset(token)
    if call.error is not None:
        raise call.error
    if call.result is None:
        raise RuntimeError(f"Prefect ended the flow run before it began: {state}")
    return call.result


def _execute(call: Call, live: Live) -> None:
    if call.job is None:
        return
    try:
        with task_runner(call.job.plan.options.style) as runner:
            call.result = engine.execute(call.job, lane_runner(live, runner), [live])
    except Exception as error:
        call.error = error
    finally:
        live.publish(call.result.timings if call.result else None)


def _send_to_run(run: FlowRunContext, record: logging.LogRecord) -> None:
    """Store a log record with the flow run or task run that made it, if it is one of ours."""
    here, task = FlowRunContext.get(), TaskRunContext.get()
    if run.flow_run is None or here is None or here.flow_run is None:
        return
    if here.flow_run.id != run.flow_run.id:
        return
    sent = copy(record)
    sent.flow_run_id = run.flow_run.id
    if task is not None and task.task_run.flow_run_id == run.flow_run.id:
        sent.task_run_id = task.task_run.id
    _TO_SERVER.handle(sent)


def _complaint(error: BaseException | None) -> str:
    return "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])


def _achievement(result: ApplierReturn) -> str:
    assert result.info is not None
    seconds = sum(result.timings.getDurationsForName("walltime") or ())
    return f"{result.info.total_blocks} blocks in {seconds:.1f} s"
