"""Pickles for another process: what cannot be imported there travels by value."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any, NoReturn

import cloudpickle

from rios_flows.basics.pickling import without_tblib
from rios_flows.workers.travel import identities
from rios_flows.workers.travel.beside import modules_beside

_Cached = functools._lru_cache_wrapper

#: Of a module; the worker's process makes its own.
_MACHINERY = {"__builtins__", "__cached__", "__loader__", "__spec__"}

#: Members of modules that stay behind, by the module's name.
LeftOut = Mapping[str, frozenset[str]]


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles functions, classes and modules by value where no worker could import them.

    Attributes
    ----------
    functions : list
        All functions that were sent by value.
    """

    def __init__(self, file: io.BytesIO, by_value: frozenset[str], left_out: LeftOut) -> None:
        super().__init__(file, protocol=5)
        self.functions: list[FunctionType] = []
        self._by_value, self._left_out = by_value, left_out

    def reducer_override(self, obj: Any) -> Any:
        """Return how to make an object that is not pickled as usual."""
        kind = type(obj)
        if kind is FunctionType or issubclass(kind, type):
            return self._known_at_home(obj) or self._named(obj)
        if kind is _Cached:
            return self._known_at_home(obj) or self._cached(obj)
        if kind is ModuleType:
            return self._known_at_home(obj) or self._module(obj)
        if isinstance(obj, io.TextIOWrapper) and obj is not sys.stdout and obj is not sys.stderr:
            # cloudpickle would send the contents
            raise TypeError("an open file cannot be pickled")
        return without_tblib(obj)

    def _known_at_home(self, obj: Any) -> tuple[Any, ...] | None:
        key = identities.key_at_home(obj)
        return None if key is None else (identities.known, (key,))

    def _named(self, obj: Any) -> Any:
        """Reduce a function or class; with its identity if it goes by value."""
        reduced = super().reducer_override(obj)
        if reduced is NotImplemented or len(reduced) < 6:
            return reduced
        if isinstance(obj, FunctionType):
            self.functions.append(obj)
        make, args, state, _, _, give = reduced
        return _with_identity(obj, make, args, state, give)

    def _cached(self, obj: Any) -> Any:
        """Reduce a function with a cache, which pickles by name only."""
        if obj.__module__ not in self._by_value and _is_found(obj):
            return NotImplemented
        args = (obj.cache_parameters(), obj.__wrapped__)
        return _with_identity(obj, _make_cached, args, None, _leave)

    def _module(self, module: ModuleType) -> Any:
        if module.__name__ not in self._by_value:
            return NotImplemented
        left_out = self._left_out.get(module.__name__, frozenset())
        state = {name: value for name, value in members(module).items() if name not in left_out}
        return _with_identity(module, ModuleType, (module.__name__,), (state, left_out), _fill)


def members(module: ModuleType) -> dict[str, Any]:
    """Return what a module consists of."""
    return {name: value for name, value in vars(module).items() if name not in _MACHINERY}


@contextmanager
def going_by_value() -> Iterator[frozenset[str]]:
    """Have cloudpickle send modules beside the script by value; yields all names of such modules.

    Other threads that pack wait, and what the user has registered stays so.
    """
    with identities.LOCK:
        before = cloudpickle.list_registry_pickle_by_value()
        # a worker has what it sends home from there; what it imported itself goes by name
        beside = [] if identities.is_worker() else modules_beside()
        added = [module for module in beside if module.__name__ not in before]
        try:
            for module in added:
                cloudpickle.register_pickle_by_value(module)
            yield frozenset({"__main__", *cloudpickle.list_registry_pickle_by_value()})
        finally:
            for module in added:
                cloudpickle.unregister_pickle_by_value(module)


def _with_identity(
    obj: Any, make: Callable[..., Any], args: Any, state: Any, give: Callable[..., Any]
) -> tuple[Any, ...]:
    arriving = (identities.key_of(obj), make, args)
    return identities.arrive, arriving, (give, state), None, None, identities.furnish


def _make_cached(parameters: dict[str, Any], function: Callable[..., Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def _leave(*_: object) -> None:
    """Keep an object as it was made."""


def _fill(module: ModuleType, state: tuple[dict[str, Any], frozenset[str]]) -> None:
    found, left_out = state
    vars(module).update(found)
    if left_out and "__getattr__" not in found:
        vars(module)["__getattr__"] = functools.partial(_stayed_behind, module.__name__, left_out)


def _stayed_behind(module: str, left_out: frozenset[str], name: str) -> NoReturn:
    if name in left_out:
        raise AttributeError(
            f"{module}.{name} is not here: it cannot be pickled, and stayed in the main process; "
            "make it inside the user function"
        )
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


def _is_found(obj: Any) -> bool:
    """Return whether another process finds an object by its name."""
    place: Any = sys.modules.get(obj.__module__)
    for name in obj.__qualname__.split("."):
        place = getattr(place, name, None)
    return place is obj
