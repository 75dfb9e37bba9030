"""What makes two calls of ``apply()`` the same job, so that one may go on where the other ended."""

from __future__ import annotations

import functools
import hashlib
import inspect
import marshal
import os
import pickle
from dataclasses import replace
from types import CodeType
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
    callbacks = [_code(target.options.before_close, set()) for target in plan.targets]
    parts: dict[str, object] = {
        "rios_flows' version": __version__,
        "an input file": [_file(item.source.path) for item in plan.inputs],
        "the way inputs are read": plan.inputs,
        "the working grid": plan.grid,
        "block size or overlap": plan.blocks,
        "an output's name or options": outputs,
        "the user function": _code(function, set()),
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


def _code(function: Any, seen: set[CodeType]) -> object:
    """Return what a function does, as far as that can be seen.

    That is its source, defaults and closure, the object that it is a method of, and as much of the
    functions and values of its module that it uses; each function once.
    """
    if isinstance(function, functools.partial):
        parts = (function.func, function.args, function.keywords)
        return (_code(parts[0], seen), _value(parts[1], seen), _value(parts[2], seen))
    if isinstance(function, tuple):
        return tuple(_value(item, seen) for item in function)
    if inspect.ismethod(function):
        return (_code(function.__func__, seen), _value(function.__self__, seen))
    code = getattr(function, "__code__", None)
    if code is None:
        call = type(function).__call__ if callable(function) else None
        return (_value(function, seen), _code(call, seen) if inspect.isfunction(call) else None)
    if code in seen:
        return function.__qualname__
    seen.add(code)
    cells = [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)]
    return (
        _text(function),
        _value(function.__defaults__, seen),
        _value(function.__kwdefaults__, seen),
        [_value(content, seen) for content in cells],
        _used(function, seen),
    )


def _text(function: Any) -> object:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return hashlib.sha256(marshal.dumps(function.__code__)).hexdigest()


def _used(function: Any, seen: set[CodeType]) -> list[tuple[str, object]]:
    """Return what stands behind the global names that a function uses."""
    around = function.__globals__
    return [
        (name, _global(around[name], function.__module__, seen))
        for name in sorted(_names(function.__code__))
        if name in around
    ]


def _global(value: Any, module: str, seen: set[CodeType]) -> object:
    if inspect.isfunction(value) and value.__module__ != module:
        return _text(value)
    if inspect.ismodule(value) or inspect.isclass(value) or inspect.isbuiltin(value):
        return value.__name__
    content = _value(value, seen)
    # what does not pickle is told by its address, which says nothing
    return type(value).__name__ if content == repr(value) else content


def _names(code: CodeType) -> set[str]:
    """Return the names that a function may look up, those of functions inside it included."""
    inner = (item for item in code.co_consts if isinstance(item, CodeType))
    return set(code.co_names).union(*(_names(item) for item in inner))


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - raises where it is empty
    except ValueError:
        return False
    return True


def _value(value: Any, seen: set[CodeType]) -> object:
    if inspect.isroutine(value) and hasattr(value, "__code__"):
        return _code(value, seen)
    if isinstance(value, functools.partial):
        return _code(value, seen)
    try:
        return hashlib.sha256(pickle.dumps(value)).hexdigest()
    except Exception:
        return repr(value)
