"""One task run per lane."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any, NamedTuple

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from rios_flows.basics.errortext import summary_of
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.orchestration.lane_logs import LaneLogs
from rios_flows.orchestration.life import SignsOfLife
from rios_flows.orchestration.slots import Slots
from rios_flows.runs.lanes import Lane, LaneStopped
from rios_flows.runs.run import lane_names


class _Shared(NamedTuple):
    """Shared by the task runs of one flow run."""

    lanes: dict[str, Lane]
    logs: LaneLogs
    signs: SignsOfLife
    begun: set[str]
    runs: set[str]


# A lane can be neither pickled nor shown: its task run gets its name, and finds the lane here.
_shared: ContextVar[_Shared] = ContextVar("rios_flows_lanes")

#: Logger of task runs; its own handlers send to the server, those above it print.
_TASK_RUNS = logging.getLogger("prefect.task_runs")


def _keep_off_terminal(record: logging.LogRecord) -> bool:
    """Send log records about a lane only to the server: a run has many lanes and one terminal."""
    if record.module != "lane_logs" and not _is_of_engine(record):
        return True
    # lanes say what they have done, and the flow run what has failed
    if not str(record.msg).startswith(("Task run failed with state", "Finished in state")):
        for handler in _TASK_RUNS.handlers:
            if record.levelno >= handler.level:
                handler.handle(record)
    return False


def _is_of_engine(record: logging.LogRecord) -> bool:
    """Return whether Prefect's engine says this about a lane, and not about a task of the user."""
    shared, run = _shared.get(None), getattr(record, "task_run_id", None)
    return record.module == "task_engine" and shared is not None and run in shared.runs


_TASK_RUNS.addFilter(_keep_off_terminal)


# A lane cannot be run again (the engine tries blocks again), and its result is None, so the user's
# defaults for tasks do not suit it.
@task(task_run_name="{lane}", cache_policy=NO_CACHE, persist_result=False, retries=0)
def run_lane(lane: str) -> State[Any] | None:
    """Run a lane until its work is done, or another lane has failed."""
    shared = _shared.get()
    context = TaskRunContext.get()
    assert context is not None
    shared.runs.add(str(context.task_run.id))
    shared.logs.lane_starts(lane, get_run_logger())
    shared.begun.add(lane)
    try:
        with shared.signs.with_task(context.task_run):
            shared.lanes[lane].run()
    except LaneStopped as stopped:
        # the error is that of another lane
        return Cancelled(message=str(stopped).partition(":")[0])
    except Exception as error:
        # one line here: the run raises the error with its traceback
        name = "TimedOut" if isinstance(error, TimeoutError) else "Failed"
        return Failed(name=name, message=summary_of(error))
    finally:
        shared.logs.lane_ends(lane)
    return None


def task_runner_for(style: ConcurrencyStyle) -> ThreadPoolTaskRunner[Any]:
    """Return a task runner with a thread for each lane: with fewer, a run would wait for ever."""
    return ThreadPoolTaskRunner(max_workers=len(lane_names(style)))


def in_a_lane() -> bool:
    """Return whether a lane of another run, or the user function in it, is calling."""
    return _shared.get(None) is not None


def lane_runner(
    logs: LaneLogs, signs: SignsOfLife, runner: ThreadPoolTaskRunner[Any], slots: Slots
) -> Callable[[Sequence[Lane]], None]:
    """Return a function that runs a run's lanes as tasks, at the same time if there are slots."""

    def run_lanes(lanes: Sequence[Lane]) -> None:
        shared = _Shared({lane.name: lane for lane in lanes}, logs, signs, set(), set())
        token = _shared.set(shared)
        try:
            if len(lanes) == 1:
                # in this thread, so that a debugger stops in the user function
                _task_of(lanes[0])(lanes[0].name, return_state=True)
            else:
                _run_together(shared, runner, slots)
        finally:
            _shared.reset(token)

    return run_lanes


def _run_together(shared: _Shared, runner: ThreadPoolTaskRunner[Any], slots: Slots) -> None:
    """Begin lanes as they get slots, and return when all that have begun have ended."""
    # which lanes may begin, and which has ended
    events: SimpleQueue[Sequence[str] | PrefectFuture[Any]] = SimpleQueue()
    names: dict[PrefectFuture[Any], str] = {}
    slots.tell_of_more(events.put)
    while True:
        event = events.get()
        if isinstance(event, PrefectFuture):
            _lane_ended(event, names.pop(event), shared.begun, slots)
        else:
            for name in event:
                future = runner.submit(_task_of(shared.lanes[name]), {"lane": name})
                names[future] = name
                future.add_done_callback(events.put)
        if not names:
            return


def _lane_ended(future: PrefectFuture[Any], name: str, begun: set[str], slots: Slots) -> None:
    # otherwise others would wait for ever for a lane that Prefect ended before it began
    if name not in begun:
        future.result()
        raise RuntimeError(f"Prefect did not run lane {name}")
    slots.lane_ended(name)


def _task_of(lane: Lane) -> Task[[str], State[Any] | None]:
    return run_lane.with_options(name=lane.kind)
