"""What makes two calls of ``apply()`` the same job, so that one may continue the other."""

from __future__ import annotations

import pickle
from dataclasses import replace

from rios_flows import rioserrors
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.inputs.sources import RasterSource
from rios_flows.jobs.job import Job
from rios_flows.runs.resume.digests import digest
from rios_flows.runs.resume.files import input_states
from rios_flows.version import __version__

#: Digests by what they stand for.
Fingerprint = dict[str, str]


def fingerprint(job: Job) -> Fingerprint:
    """Return digests of all that the outputs depend on, or raise ParameterError."""
    plan, other_args = job.plan, job.other_args
    try:
        pickle.dumps(other_args)
    except Exception as error:
        raise rioserrors.ParameterError(
            f"setResume: otherArgs cannot be saved with the blocks ({error}); give it attributes "
            "that pickle, or set resume to False"
        ) from error
    style = plan.options.style
    outputs = [
        # what is told of a file changes none of it
        (target.key, target.format, replace(target.options, checksum=None))
        for target in plan.targets
    ]
    files = input_states(item.source for item in plan.inputs)
    parts: dict[str, object] = {
        "rios_flows' version": __version__,
        **{f"the input file '{name}'": state for name, state in files.items()},
        "the way inputs are read": [_as_read(item) for item in plan.inputs],
        "the working grid": plan.grid,
        "block size or overlap": plan.blocks,
        "an output's name or options": outputs,
        "the user function": job.function,
        "setCallBeforeClose": [job.hooks.before_close.get(target.key) for target in plan.targets],
        "otherArgs": other_args,
        # each compute worker has and saves its own otherArgs
        "the number of compute workers": other_args is not None and style.workers_at_once,
    }
    try:
        return {name: digest(part) for name, part in parts.items()}
    except RecursionError as error:
        raise rioserrors.ParameterError(
            "setResume: otherArgs, or what the user function uses, is nested too deeply to be "
            "compared with that of a later run; set resume to False"
        ) from error


def _as_read(item: InputPlan) -> InputPlan:
    """Leave out how the file is stored, which changes no pixel."""
    if isinstance(item.source, RasterSource):
        return replace(item, source=replace(item.source, layout=None))
    return item


def differences(old: Fingerprint, new: Fingerprint) -> list[str]:
    """Return in words what has changed, come or gone."""
    return [name for name in {**new, **old} if old.get(name) != new.get(name)]
