"""Which names a function looks up, and whether a module is the user's own."""

from __future__ import annotations

import dis
import functools
import os
import sys
import sysconfig
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")


def used_names(function: FunctionType) -> dict[str, Any]:
    """Return the values of the global names, also dotted ones, that a function looks up."""
    found = {}
    for names in sorted(set(_chains(function.__code__))):
        if names[0] in function.__globals__:
            name, value = _follow(names, function.__globals__[names[0]])
            found[name] = value
    return found


def _chains(code: CodeType) -> Iterator[tuple[str, ...]]:
    """Return global names with the attributes that follow at once, as ``a.b.c``; inner code too."""
    chain: tuple[str, ...] = ()
    for instruction in dis.get_instructions(code):
        if chain and instruction.opname in _ATTRIBUTE:
            chain = (*chain, instruction.argval)
            continue
        if chain:
            yield chain
        chain = (instruction.argval,) if instruction.opname in _GLOBAL else ()
    for item in code.co_consts:
        if isinstance(item, CodeType):
            yield from _chains(item)


def _follow(names: tuple[str, ...], value: Any) -> tuple[str, Any]:
    """Follow attributes of the user's own modules as far as they go."""
    dotted = names[0]
    for name in names[1:]:
        if not isinstance(value, ModuleType) or not is_own(value.__name__):
            break
        try:
            value = getattr(value, name)
        except Exception:
            break
        dotted += f".{name}"
    return dotted, value


def is_own(name: str) -> bool:
    """Tell whether a module is the user's own: not Python's, this package's or installed."""
    if name.partition(".")[0] == "rios_flows":
        return False
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is None:  # what no module has made is the user's
        return module is None or name == "__main__"
    return not _is_installed(os.path.dirname(os.path.abspath(file)))


@functools.cache
def _is_installed(folder: str) -> bool:
    parts = folder.split(os.sep)
    if "site-packages" in parts or "dist-packages" in parts:
        return True
    paths = sysconfig.get_paths()
    places = {paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    return any(folder == place or folder.startswith(place + os.sep) for place in places)
