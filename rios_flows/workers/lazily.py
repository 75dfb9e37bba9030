"""Imports that wait until something is asked of the module."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module until something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        # the machinery of import asks for these, and needs no answer
        if name in ("__spec__", "__file__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def import_later(name: str) -> None:
    """Have a module imported when it is used first; importlib's LazyLoader does so at once."""
    # where modules are blocked, whoever looks for them raises this
    with suppress(ModuleNotFoundError):
        if name not in sys.modules and find_spec(name) is not None:
            sys.modules[name] = _Later(name)
