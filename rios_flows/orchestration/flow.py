"""``apply()`` as a Prefect flow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from copy import copy
from functools import partial
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import Abort, ObjectNotFound
from prefect.logging.handlers import APILogHandler
from prefect.logging.loggers import flow_run_logger
from prefect.states import Cancelled
from prefect.utilities.urls import url_for
from pydantic import WithJsonSchema

from rios_flows import engine
from rios_flows.basics.errortext import Halted
from rios_flows.basics.types import UserFunction
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.controls import ApplierControls
from rios_flows.jobs.descriptionschema import FILES_SCHEMA, FUNCTION_SCHEMA
from rios_flows.jobs.formschema import FOLDED_SCHEMA, IMAGES_SCHEMA, SHOWN_SCHEMA
from rios_flows.orchestration.announcing import announce
from rios_flows.orchestration.artifacts import Artifacts
from rios_flows.orchestration.call import ApplyCall
from rios_flows.orchestration.consoles import make_careful
from rios_flows.orchestration.deployed import check_deployments
from rios_flows.orchestration.endings import raise_error, raise_if_unreachable, state_of
from rios_flows.orchestration.forked import let_children_end
from rios_flows.orchestration.heartbeat import Heartbeat
from rios_flows.orchestration.lane_logs import LaneLogs, Logger
from rios_flows.orchestration.life import SignsOfLife, runs_around, tasks_around
from rios_flows.orchestration.limits import limit_names, shares_of
from rios_flows.orchestration.log_post import LogPost, posted
from rios_flows.orchestration.logs import ENGINE
from rios_flows.orchestration.pools.offering import pools_for
from rios_flows.orchestration.run_display import RunDisplay
from rios_flows.orchestration.short_errors import shorten_in_logs
from rios_flows.orchestration.slots import Slots, slots_for
from rios_flows.orchestration.tasks import in_a_lane, lane_runner, task_runner_for
from rios_flows.orchestration.watch import Watch
from rios_flows.reports.markdown import cell
from rios_flows.reports.outcome import Outcome
from rios_flows.reports.results import ApplierReturn
from rios_flows.rioserrors import (
    ProcessCancelledError,
    UnavailableError,
)
from rios_flows.runs.run import compute_lanes

logger = logging.getLogger(__name__)

_TO_SERVER = APILogHandler()

let_children_end()
shorten_in_logs()

# Carries a call to the flow, since the server can neither store nor show it.
_sent: ContextVar[tuple[ApplyCall, Heartbeat] | None] = ContextVar("rios_flows_call", default=None)


# What forms show and the server checks. Here nothing is: what a call from Python shows of itself
# may be shortened, and hold the names of objects.
Files = Annotated[dict[str, Any], WithJsonSchema(FILES_SCHEMA)]
Controls = Annotated[dict[str, Any] | None, WithJsonSchema(SHOWN_SCHEMA)]
MoreControls = Annotated[dict[str, Any] | None, WithJsonSchema(FOLDED_SCHEMA)]
ImageControls = Annotated[dict[str, Any] | None, WithJsonSchema(IMAGES_SCHEMA)]


def _run_name() -> str:
    """Return the name of the flow run that is about to begin."""
    sent = _sent.get()
    if sent is not None:
        return sent[0].name
    context = FlowRunContext.get()
    parameters = (context and context.parameters) or {}
    groups = [parameters.get(name) or {} for name in ("controls", "moreControls")]
    given = [group["jobName"] for group in groups if group.get("jobName")]
    return str(given[0] if given else str(parameters.get("function")).rpartition(":")[2])


# retries=0: outputs are published once; a flow of the user's may have retries
@flow(name="rios-apply", flow_run_name=_run_name, retries=0, persist_result=False)
def apply_flow(
    function: Annotated[str, WithJsonSchema(FUNCTION_SCHEMA)],
    infiles: Files = {},  # noqa: B006 - it never changes
    outfiles: Files = {},  # noqa: B006
    controls: Controls = {},  # noqa: B006
    moreControls: MoreControls = None,  # noqa: N803
    imageControls: ImageControls = {},  # noqa: B006, N803
    otherArgs: Any = None,  # noqa: N803 - as in apply()
) -> State[Any]:
    """Apply a function block by block over rasters.

    Args:
        function: The user function, as package.module:name.
        infiles: Input files by symbolic name, as {"red": "/data/B4.tif", "dates": ["a.tif"]}.
        outfiles: Output files by symbolic name, as {"index": "/data/index.tif"}.
        controls: The controls that are set most often; what is left empty has its default.
        moreControls: All other controls.
        imageControls: Values for single images, as {"resampleMethod[red]": "cubic"}.
        otherArgs: The function's fourth argument; a mapping becomes an object with attributes.
    """
    sent = _sent.get()
    # a flow that the user function starts must not get this call again
    _sent.set(None)
    if sent is None:
        call = ApplyCall.from_parameters(
            {
                "function": function,
                "infiles": infiles,
                "outfiles": outfiles,
                "controls": controls,
                "moreControls": moreControls,
                "imageControls": imageControls,
                "otherArgs": otherArgs,
            }
        )
        heartbeat = Heartbeat(every=None)
        make_careful()
    else:
        call, heartbeat = sent
    return _carry_out(call, heartbeat)


def _carry_out(call: ApplyCall, heartbeat: Heartbeat) -> State[Any]:
    """Run a call in the flow run that goes on here; leave that where it must not end by itself."""
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    # get_run_logger() would return that of a task in which apply() was called
    log = flow_run_logger(context.flow_run, context.flow)
    post, around = LogPost(context.flow_run.id), runs_around()
    with call.log, heartbeat.restore_prefects(), posted(post):
        call.log.forward(partial(_send_to_run, context.flow_run, post))
        call.refuse(check_deployments(around, log))
        signs = SignsOfLife(around, tasks_around())
        beat = partial(_beat, context.flow_run, heartbeat, signs)
        lanes = LaneLogs()
        again = any(run.run_count > 1 for run in around)
        artifacts = Artifacts(context.flow_run.id, call.name, again=again)
        display = RunDisplay(artifacts, log, post, beat, lanes.say, call.page)
        if call.by_python:
            _link_from_parent(context.flow_run, display)
        watch = Watch(around, context.flow_run_suspension_request, signs, beat, log)
        slots = partial(_slots, context.flow_run, log, watch.check)
        try:
            with watch, pools_for(around):
                _execute(call, lanes, display, slots, partial(announce, context.flow_run), watch)
        finally:
            signs.end()
        watch.conclude(published=call.outcome is not None)
    if watch.ended_as_cancelled:
        return Cancelled(message=watch.reason)
    return state_of(call, context.flow_run)


def apply_in_this_run(
    function: UserFunction,
    infiles: FilenameAssociations,
    outfiles: FilenameAssociations,
    other_args: Any = None,
    controls: ApplierControls | None = None,
) -> Any:
    """Apply a function as ``apply()`` does, as the work of the flow run that calls this.

    There is no subflow run: lanes, log, artifacts and events are those of this flow run.

    Parameters
    ----------
    function, infiles, outfiles, other_args, controls
        As in :func:`rios_flows.applier.apply`.

    Returns
    -------
    State or dict
        For the flow to return: completed, with the summary of the run as result, or failed. If the
        flow has ``retries``, the summary itself.

    Raises
    ------
    UnavailableError
        If no flow is running here.
    RiosError
        What ended a run that failed, if the flow has ``retries``: Prefect tries it again after an
        error only.
    """
    context = FlowRunContext.get()
    if context is None:
        raise UnavailableError("apply_in_this_run: call it in a flow, or use applier.apply")
    call = ApplyCall.prepare(function, infiles, outfiles, other_args, controls)
    make_careful()
    state = _carry_out(call, Heartbeat(every=None))
    if context.flow is None or not context.flow.retries:
        return state
    # with retries, Prefect goes by errors, and takes a state for the error of an attempt before
    raise_error(call)
    return state if call.outcome is None else call.outcome.words()


def run(call: ApplyCall) -> ApplierReturn:
    """Run a call as a flow run, or as a subflow run inside a running flow; raise its error."""
    make_careful()
    call.by_python = True
    heartbeat = Heartbeat.of_settings()
    token = _sent.set((call, heartbeat))
    state = None
    try:
        with heartbeat.replace_prefects():
            state = apply_flow(**call.parameters, return_state=True)
    except (Exception, Abort) as error:
        if call.result is None and call.error is None:
            raise_if_unreachable(error)
            raise
        _say_untold(call, error)
    finally:
        _sent.reset(token)
    raise_error(call)
    if call.result is None:
        raise RuntimeError(f"Prefect ended the flow run before it began: {state}")
    return call.result


def _say_untold(call: ApplyCall, error: BaseException) -> None:
    """Log that Prefect does not know how a run has ended."""
    if not isinstance(call.error, ProcessCancelledError):
        what = "the outputs are complete" if call.error is None else "the run has failed"
        gone = isinstance(error, ObjectNotFound)
        why = "its flow run was deleted" if gone else repr(error)
        logger.warning("Prefect was not told that %s: %s", what, why)


def _beat(run: FlowRun, heartbeat: Heartbeat, signs: SignsOfLife) -> None:
    heartbeat.beat(run)
    signs.show()


def _link_from_parent(run: FlowRun, display: RunDisplay) -> None:
    """Have the page of the flow run around this one lead to it."""
    around = runs_around()[1:2]
    for parent in around:
        url = url_for(run) or f"/runs/flow-run/{run.id}"
        flow_run_logger(parent).info("Rasters are worked on by flow run '%s': %s", run.name, url)
        display.link_from(parent.id, f"[{cell(run.name)}]({url})")


def _slots(
    run: FlowRun, log: Logger, beat: Callable[[], None], style: ConcurrencyStyle
) -> AbstractContextManager[Slots]:
    """Take slots of concurrency limits; a run in a lane of another one counts with that lane."""
    names = {} if in_a_lane() else limit_names()
    return slots_for(shares_of(style, names), run.id, log, beat)


def _execute(
    call: ApplyCall,
    lanes: LaneLogs,
    display: RunDisplay,
    take_slots: Callable[[ConcurrencyStyle], AbstractContextManager[Slots]],
    announced: Callable[[Outcome], None],
    watch: Watch,
) -> None:
    if call.job is None:
        return
    style = call.job.plan.options.style
    try:
        with take_slots(style) as slots, task_runner_for(style) as runner:
            run_lanes = watch.watched(lane_runner(lanes, watch.signs, runner, slots))
            workers = len({*slots.granted} & {*compute_lanes(style)})
            call.result = engine.execute(call.job, run_lanes, [lanes, display], workers)
            slots.record(call.result.timings)
    except Halted:
        call.error = ProcessCancelledError(watch.reason)
        call.cancelled_around = watch.cancelled_around
        watch.tell_cancelled()
    except BaseException as error:
        call.error = error
        # Prefect reports an interruption, which goes on
        if not isinstance(error, Exception):
            raise
    finally:
        if call.result is not None:
            call.outcome = Outcome.of(call.result)
        display.publish(call.result.timings if call.result else None, call.outcome, announced)


def _send_to_run(run: FlowRun, post: LogPost, record: logging.LogRecord) -> None:
    """Send a log record to the flow run, or to the task run that made it."""
    # if rios_flows is one of the user's PREFECT_LOGGING_EXTRA_LOGGERS
    if any(isinstance(handler, APILogHandler) for handler in ENGINE.handlers):
        return
    sent, task = copy(record), TaskRunContext.get()
    sent.flow_run_id = run.id
    if task is not None and task.task_run.flow_run_id == run.id:
        sent.task_run_id = task.task_run.id
    (post if post.is_for(sent) else _TO_SERVER).handle(sent)
