"""What makes two calls of ``apply()`` the same job, so that one may go on where the other ended."""

from __future__ import annotations

import functools
import hashlib
import inspect
import marshal
import os
import pickle
from dataclasses import replace
from typing import Any

from rios_flows import rioserrors
from rios_flows.plan import Plan
from rios_flows.version import __version__

#: Digests by what they stand for.
Fingerprint = dict[str, str]


def fingerprint(plan: Plan, function: Any, other_args: Any) -> Fingerprint:
    """Return digests of everything on which the outputs depend.

    Raises
    ------
    ParameterError
        If ``other_args`` does not pickle, and so could not be saved with the blocks.
    """
    style = plan.options.style
    try:
        state = pickle.dumps(other_args)
    except Exception as error:
        raise rioserrors.ParameterError(
            f"setResume: otherArgs cannot be saved with the blocks ({error}); give it attributes "
            "that pickle, or set resume to False"
        ) from error
    outputs = [
        (target.key, target.format, replace(target.options, before_close=None))
        for target in plan.targets
    ]
    callbacks = [_code(target.options.before_close) for target in plan.targets]
    parts: dict[str, object] = {
        "rios_flows' version": __version__,
        "an input file": [_file(item.source.path) for item in plan.inputs],
        "the way inputs are read": plan.inputs,
        "the working grid": plan.grid,
        "block size or overlap": plan.blocks,
        "an output's name or options": outputs,
        "the user function": _code(function),
        "setCallBeforeClose": callbacks,
        "otherArgs": state,
        # each compute worker has its own otherArgs, which are saved one by one
        "the number of compute workers": other_args is not None and style.numComputeWorkers,
    }
    return {name: _digest(part) for name, part in parts.items()}


def differences(old: Fingerprint, new: Fingerprint) -> list[str]:
    """Return what has changed, in words."""
    return [name for name, digest in new.items() if old.get(name) != digest]


def _digest(part: object) -> str:
    return hashlib.sha256(part if isinstance(part, bytes) else repr(part).encode()).hexdigest()


def _file(path: str) -> tuple[object, ...]:
    try:
        status = os.stat(path)
    except OSError:
        return (path,)  # not a local file: its name has to do
    return (path, status.st_size, status.st_mtime_ns)


def _code(function: Any) -> object:
    """Return what a function does, as far as that can be seen: source, defaults, closure."""
    if isinstance(function, functools.partial):
        return (_code(function.func), _value(function.args), _value(function.keywords))
    if isinstance(function, tuple):
        return tuple(_value(item) for item in function)
    code = getattr(function, "__code__", None)
    if code is None:
        return (
            _value(function) if function is None else (_value(vars(type(function)).get("__call__")))
        )
    try:
        text: object = inspect.getsource(function)
    except (OSError, TypeError):
        text = hashlib.sha256(marshal.dumps(code)).hexdigest()
    cells = [_value(cell.cell_contents) for cell in function.__closure__ or () if _filled(cell)]
    return (text, _value(function.__defaults__), _value(function.__kwdefaults__), cells)


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - raises where it is empty
    except ValueError:
        return False
    return True


def _value(value: Any) -> object:
    if inspect.isfunction(value) or isinstance(value, functools.partial):
        return _code(value)
    try:
        return hashlib.sha256(pickle.dumps(value)).hexdigest()
    except Exception:
        return repr(value)
