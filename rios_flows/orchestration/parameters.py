"""The parameters of the flow: a call of ``apply()`` in readable form."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from rios_flows.controls.associations import readable_files
from rios_flows.controls.held import changed
from rios_flows.jobs.functions import reference_to
from rios_flows.jobs.job import Job

#: Longer ones (characters of JSON) are shown shortened; Prefect refuses more than 524,288.
MOST_CHARACTERS = 400_000
_LONGEST_TEXT = 1_000


def parameters_of_job(job: Job) -> dict[str, Any]:
    """Return the parameters that a flow run shows for a job."""
    return shown({**job.summary(), "function": reference_to(job.function)})


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
        if len(json.dumps(told)) <= MOST_CHARACTERS:
            break
        told = {name: _shortened(value, most) for name, value in told.items()}
    return told


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
