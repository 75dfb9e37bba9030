"""Modules beside the caller's script: they travel by value, for no worker has them installed."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from types import ModuleType

import rios_flows

_OWN = rios_flows.__name__


def modules_beside() -> list[ModuleType]:
    """Return loaded modules of Python source in or below the folder of the script.

    Those of installed packages and of rios_flows are not among them.
    """
    folders = _folders()
    return [
        module
        # a program that multiprocessing has started is there under two names
        for name, module in list(sys.modules.items())
        if getattr(module, "__name__", None) == name and _is_beside(module, folders)
    ]


def _folders() -> tuple[str, ...]:
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    places = [] if script is None else [os.path.dirname(script)]
    if sys.path:
        places.append(sys.path[0])
    found = set()
    for place in places:
        # a working directory that was removed is no place
        with suppress(FileNotFoundError):
            found.add(_with_separator(os.path.realpath(place)))
    return tuple(found)


def _is_beside(module: object, folders: tuple[str, ...]) -> bool:
    # there are things in sys.modules that are no modules, or have no file or an odd one
    file = getattr(module, "__file__", None)
    if not isinstance(module, ModuleType) or not isinstance(file, str):
        return False
    name = module.__name__
    if name == "__main__" or name.partition(".")[0] == _OWN:
        return False
    if not file.endswith((".py", ".pyc")) or _is_installed(file):
        return False
    path = os.path.realpath(file)
    return path.startswith(folders) and not _is_installed(path)


def _is_installed(path: str) -> bool:
    if "site-packages" in path or "dist-packages" in path:
        return True
    return path.startswith(_standard_library())


@cache
def _standard_library() -> tuple[str, ...]:
    places = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    return _with_real_paths(place for place in places if place)


def _with_real_paths(places: Iterable[str]) -> tuple[str, ...]:
    known = list(places)
    return tuple({_with_separator(path) for path in [*known, *map(os.path.realpath, known)]})


def _with_separator(folder: str) -> str:
    return os.path.join(folder, "")
