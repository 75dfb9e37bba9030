"""``apply()`` without Prefect: check, plan, run the lanes, publish."""

from __future__ import annotations

from typing import Any

from rios_flows import rioserrors
from rios_flows.basics.types import UserFunction
from rios_flows.basics.workererror import as_its_cause
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.controls import ApplierControls
from rios_flows.jobs.job import Job
from rios_flows.jobs.preparing import prepare
from rios_flows.reports.progress import bar_or_log_lines
from rios_flows.reports.results import ApplierReturn
from rios_flows.runs.execution import RunLanes, execute, run_in_threads

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
    job = prepare(userFunction, infiles, outfiles, otherArgs, controls)
    # a progress object of the user's takes the place of the bar
    shown = [bar_or_log_lines()] if job.hooks.progress is None else []
    try:
        return execute(job, listeners=shown)
    except rioserrors.WorkerExceptionError as error:
        raised = as_its_cause(error)
        raise raised from raised.__cause__
