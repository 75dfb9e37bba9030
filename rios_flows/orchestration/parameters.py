"""The parameters of the flow: a call of ``apply()`` in readable form."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rios_flows.controls.associations import OtherInputs, readable_files
from rios_flows.controls.declaring import declared
from rios_flows.controls.held import changed
from rios_flows.controls.options import Hooks
from rios_flows.jobs.functions import reference_to
from rios_flows.jobs.job import Job
from rios_flows.reports.outcome import plain as plain_other_args

#: Longer ones (characters of JSON) are shown shortened; Prefect refuses more than 524,288.
MOST_CHARACTERS = 400_000
_LONGEST_TEXT = 1_000
_HOOKS = frozenset(each.name for each in declared(Hooks))


def parameters_of_job(job: Job) -> dict[str, Any]:
    """Return the parameters that a flow run shows for a job.

    The form for any function takes them, and starts the same again. Where it could not, the
    function's name, which it then refuses, says why.
    """
    told = {**job.summary(), "function": reference_to(job.function)}
    # objects of the caller's, which no form can give
    hooks = {name for name in told["controls"] if name.partition("[")[0] in _HOOKS}
    told["controls"] = {k: v for k, v in told["controls"].items() if k not in hooks}
    reasons = list(_reasons(job, told["function"]))
    other = job.other_args
    if other is not None:
        if job.plan.options.show_other_args:
            told["otherArgs"] = plain_other_args(other)
        elif not reasons:
            reasons.append("otherArgs is told only with controls.setShowOtherArgs(True)")
    told = plain(told)
    if _is_long(told):
        told = shown(told)
        reasons.append("it is told in a shortened form")
    if reasons:
        told["function"] += f" (the form cannot start it again, since {'; '.join(reasons)})"
    return told


def _reasons(job: Job, function: str) -> Iterator[str]:
    if ":" not in function:
        yield "it cannot be imported by a name; define it with def at the top of a module"
    if job.hooks.before_close:
        yield "callBeforeClose is a function of the caller's"
    if job.plan.options.style.computeWorkerExtraParams:
        yield "of computeWorkerExtraParams only the names are told"
    told = job.plan.options.show_other_args and job.other_args is not None
    if told and not _comes_back(job.other_args):
        yield "JSON cannot hold its otherArgs as they are"


def _comes_back(other: Any) -> bool:
    # a form makes such an object of every mapping
    words = vars(other) if isinstance(other, OtherInputs) else other
    if isinstance(words, dict) and words is other:
        return False
    try:
        return bool(json.loads(json.dumps(words, allow_nan=False)) == words)
    except (TypeError, ValueError):
        return False


def parameters_of_bad_call(
    function: Any, infiles: Any, outfiles: Any, controls: Any
) -> dict[str, Any]:
    """Return the parameters that can be shown for a call with an error."""

    def readable(words: Callable[[Any], dict[str, Any]], argument: Any) -> dict[str, Any]:
        try:
            return words(argument)
        except Exception:
            # the call's own error says what is wrong
            return {}

    given = {
        "infiles": readable(readable_files, infiles),
        "outfiles": readable(readable_files, outfiles),
        "controls": readable(changed, controls),
    }
    return shown({"function": reference_to(function), **given})


def shown(parameters: dict[str, Any]) -> dict[str, Any]:
    """Make values plain, and short enough to be stored."""
    told: dict[str, Any] = plain(parameters)
    for most in (100, 10):
        if not _is_long(told):
            break
        told = {name: _shortened(value, most) for name, value in told.items()}
    return told


def _is_long(told: dict[str, Any]) -> bool:
    return len(json.dumps(told)) > MOST_CHARACTERS


def plain(value: Any) -> Any:
    """Return a value that JSON and a database can store."""
    if isinstance(value, dict):
        return {plain(str(name)): plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode().replace("\0", "\\0")
    return value


def _shortened(value: Any, most: int) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]} ..."
    if isinstance(value, list):
        items = [_shortened(item, most) for item in value[:most]]
        return [*items, f"... {len(value) - most:,} more"] if len(value) > most else items
    if isinstance(value, dict):
        entries = {name: _shortened(value[name], most) for name in list(value)[:most]}
        more = {"...": f"{len(value) - most:,} more"} if len(value) > most else {}
        return {**entries, **more}
    return value
