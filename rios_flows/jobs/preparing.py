"""From a call of ``apply()`` to a job: checked and planned, with nothing open or written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rios_flows import rioserrors
from rios_flows.basics import forks
from rios_flows.basics.naming import name_of
from rios_flows.basics.streams import usable
from rios_flows.basics.types import UserFunction
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.concurrency import FittingStyle
from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.held import resolved
from rios_flows.gdal.private import GDAL
from rios_flows.gdal.settings import inherited, run_options
from rios_flows.inputs.held import told_apart
from rios_flows.jobs.job import Job
from rios_flows.jobs.plan import build_plan
from rios_flows.jobs.snapshot import Snapshot


def prepare(
    userFunction: UserFunction,
    infiles: FilenameAssociations,
    outfiles: FilenameAssociations,
    otherArgs: Any = None,
    controls: ApplierControls | None = None,
) -> Job:
    """Check a call of ``apply()``, open each input once, and plan the work; nothing is written."""
    if not callable(userFunction):
        raise rioserrors.ParameterError(
            f"userFunction is a {type(userFunction).__name__}; a function is needed"
        )
    if controls is None:
        if isinstance(otherArgs, ApplierControls):
            raise rioserrors.ParameterError("otherArgs is an ApplierControls: pass controls=")
        controls = ApplierControls()
    elif not isinstance(controls, ApplierControls):
        raise rioserrors.WrongControlsObject(
            f"controls is a {type(controls).__name__}; an ApplierControls is needed"
        )
    with forks.working(), usable():
        return _plan(userFunction, infiles, outfiles, otherArgs, controls)


def _plan(
    function: UserFunction,
    infiles: FilenameAssociations,
    outfiles: FilenameAssociations,
    other_args: Any,
    controls: ApplierControls,
) -> Job:
    if forks.shares_connections():
        # answers would get mixed
        GDAL.VSICurlClearCache()
    infiles, held = told_apart(infiles)
    options, hooks = resolved(controls, infiles, outfiles)
    if options.retries.user_function:
        # refused before anything is read, and not at the first block
        Snapshot(other_args)
    with inherited(run_options()):
        plan = build_plan(infiles, outfiles, options, held)
    if isinstance(options.style, FittingStyle):
        style = options.style.fitting(len(plan.blocks))
        plan = replace(plan, options=replace(plan.options, style=style))
    name = options.job_name or name_of(function)
    return Job(name, plan, function, other_args, hooks)
