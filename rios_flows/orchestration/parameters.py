"""The parameters of the flow: a call of ``apply()`` in readable form, and back."""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from rios_flows.basics.naming import name_of
from rios_flows.basics.types import UserFunction
from rios_flows.controls.associations import FilenameAssociations, readable_files
from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.held import changed
from rios_flows.controls.options import CONTROLS
from rios_flows.jobs.job import Job
from rios_flows.rioserrors import ParameterError

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


def reference_to(function: UserFunction) -> str:
    """Return the name of a function; ``module:name`` if it can be imported by that."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and module != "__main__":
        with suppress(KeyError, AttributeError):
            if _look_up(sys.modules[module], name) is function:
                return f"{module}:{name}"
    return name_of(function)


def load(reference: str) -> UserFunction:
    """Import the function that ``module:name`` refers to."""
    module, _, name = reference.partition(":")
    try:
        found = _look_up(importlib.import_module(module), name)
    except Exception as error:
        raise ParameterError(
            f"function={reference!r} cannot be found ({type(error).__name__}: {error}); give it as "
            "'package.module:name', importable where the flow runs"
        ) from error
    if not callable(found):
        raise ParameterError(f"function={reference!r} is a {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def files_of(names: dict[str, Any]) -> FilenameAssociations:
    """Make file associations from their entries."""
    files = FilenameAssociations()
    vars(files).update(names)
    return files


def controls_of(values: dict[str, Any]) -> ApplierControls:
    """Make controls from the form of ``held.changed``: ``control``, ``control[image]``."""
    controls = ApplierControls()
    for key, value in values.items():
        name, _, image = key.partition("[")
        try:
            value = CONTROLS[name].from_json(value) if name in CONTROLS else value
        except TypeError as error:
            raise ParameterError(f"controls[{name!r}]: {error}") from error
        controls.setOptionForImagename(name, image.rstrip("]") or None, value)
    return controls


def _look_up(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part)
    return module


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
