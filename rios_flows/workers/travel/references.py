"""What the code of a function refers to."""

from __future__ import annotations

import dis
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import CodeType, FunctionType, ModuleType
from typing import Any

_VARIABLES = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"}
_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}


def globals_used(function: FunctionType) -> dict[str, Any]:
    """Return the globals that a function refers to: they are pickled with it."""
    names = {
        instruction.argval
        for code in _all_code(function.__code__)
        for instruction in dis.get_instructions(code)
        if instruction.opname == "LOAD_GLOBAL"
    }
    return {name: value for name, value in function.__globals__.items() if name in names}


def members_used(function: FunctionType) -> Iterator[tuple[str, str]]:
    """Yield modules and members of them that a function refers to, as in ``module.member``."""
    variables = {**function.__globals__, **_closure(function)}
    for code in _all_code(function.__code__):
        yield from _members_in(code, variables)


def _members_in(code: CodeType, variables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    value: Any = None
    for instruction in dis.get_instructions(code):
        if instruction.opname == "EXTENDED_ARG":
            continue
        name = instruction.argval
        if instruction.opname in _VARIABLES:
            value = variables.get(name)
        elif instruction.opname in _ATTRIBUTES and isinstance(value, ModuleType):
            yield value.__name__, name
            value = vars(value).get(name)
        else:
            value = None


def _closure(function: FunctionType) -> dict[str, Any]:
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # it is empty
            found[name] = cell.cell_contents
    return found


def _all_code(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _all_code(constant)
