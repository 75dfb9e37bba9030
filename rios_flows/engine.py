"""``apply()`` without Prefect: check, plan, run the lanes, publish."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from rios_flows import rioserrors
from rios_flows.basics.tracebacks import shortened
from rios_flows.basics.types import UserFunction
from rios_flows.basics.workererror import as_its_cause
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.concurrency import CW_SUBPROC, ConcurrencyStyle
from rios_flows.controls.controls import ApplierControls
from rios_flows.jobs.job import Job
from rios_flows.jobs.preparing import prepare
from rios_flows.reports.progress import bar_or_log_lines
from rios_flows.reports.records import Listener
from rios_flows.reports.results import ApplierReturn
from rios_flows.runs import execution
from rios_flows.runs.execution import RunLanes, run_in_threads

if TYPE_CHECKING:
    from rios_flows.workers.crew import Crew

__all__ = ["Job", "RunLanes", "apply", "execute", "prepare", "run_in_threads"]


def apply(
    userFunction: UserFunction,
    infiles: FilenameAssociations,
    outfiles: FilenameAssociations,
    otherArgs: Any = None,
    controls: ApplierControls | None = None,
) -> ApplierReturn:
    """Apply a function block by block over rasters, without Prefect.

    Parameters
    ----------
    userFunction : callable
        Called for each block as ``f(info, inputs, outputs)``, or ``f(info, inputs, outputs,
        otherArgs)`` if ``otherArgs`` is not None. ``inputs`` has an array, or a list of them,
        under each name of ``infiles``; the function sets one under each name of ``outfiles``. All
        have shape ``(bands, rows, cols)``, with a margin of ``overlap`` pixels on every side, which
        is cut off outputs. An input has the type of its file's first selected band; an output's
        type and number of bands are those of its first block.
    infiles, outfiles : FilenameAssociations
        Each attribute is a file name or a list of them.
    otherArgs : object, optional
        Anything else that the function needs or gathers: this very object without compute workers,
        a deep copy for each compute worker otherwise.
    controls : ApplierControls, optional
        Window, overlap, resampling, drivers, concurrency and so on; None for the defaults.

    Returns
    -------
    ApplierReturn
        Timings, each ``otherArgs``, working grid, and a record of every block and stage.

    Raises
    ------
    RiosError
        The first error. Every output is then as it was before. Only if publishing itself failed,
        some outputs in S3 may be new.
    """
    try:
        with ExitStack() as stack:
            crew = _start_workers(controls, stack)
            job = prepare(userFunction, infiles, outfiles, otherArgs, controls)
            # a progress object of the user's takes the place of the bar
            shown = [bar_or_log_lines()] if job.hooks.progress is None else []
            return _execute(job, listeners=shown, crew=crew)
    except rioserrors.WorkerExceptionError as error:
        raised = shortened(as_its_cause(error))
        raise raised from raised.__cause__
    except rioserrors.RiosError as error:
        raise shortened(error) from error.__cause__


def execute(
    job: Job,
    run_lanes: RunLanes = run_in_threads,
    listeners: Sequence[Listener] = (),
    workers: int | None = None,
) -> ApplierReturn:
    """Run a job's lanes, with the workers that its style asks for, and publish its outputs.

    Parameters
    ----------
    job : Job
        Made by :func:`prepare`.
    run_lanes : callable
        Runs all lanes at the same time and returns when all have ended.
    listeners : sequence of Listener
        Who hears of each block.
    workers : int, optional
        How many workers in other processes there are at first, if not for all lanes that compute.

    Returns
    -------
    ApplierReturn
        Timings, copies of ``otherArgs``, working grid, records.

    Raises
    ------
    RiosError
        The first error of any lane. No lane runs any more then, and every output is as it was
        before, but for those in S3 that became objects before another one could not.
    """
    return _execute(job, run_lanes, listeners, workers=workers)


def _execute(
    job: Job,
    run_lanes: RunLanes = run_in_threads,
    listeners: Sequence[Listener] = (),
    crew: Crew | None = None,
    workers: int | None = None,
) -> ApplierReturn:
    if not job.plan.options.style.has_processes:
        return execution.execute(job, run_lanes, listeners)
    # most runs have no such workers, and what these need takes a while to import
    from rios_flows.workers.hiring import hired

    with hired(job, crew, workers) as place:
        return execution.execute(job, run_lanes, listeners, *place)


def _start_workers(controls: object, stack: ExitStack) -> Crew | None:
    """Have local workers start while the job is planned, which may read many files."""
    style = getattr(controls, "concurrency", None)
    if not isinstance(style, ConcurrencyStyle) or style.launcher != CW_SUBPROC:
        return None
    # what is wrong with it is told at once
    style.check()
    from rios_flows.workers.hiring import starting

    return stack.enter_context(starting(style))
