"""Finds the smallest part of an object that cannot be pickled, and how it is reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copyreg import dispatch_table
from dataclasses import dataclass, replace
from functools import partial
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import cloudpickle

from rios_flows.workers.travel.carrying import members
from rios_flows.workers.travel.references import globals_used

#: How deep to look, and for how long (s); after that, what was found so far has to do.
DEEPEST, PATIENCE = 60, 10.0

#: What people call what they often have by accident.
_WORDS = {
    "_thread.lock": "a thread lock",
    "_thread.RLock": "a thread lock",
    "_io.TextIOWrapper": "an open file",
    "_io.BufferedReader": "an open file",
    "_io.BufferedWriter": "an open file",
    "builtins.generator": "a generator",
    "socket.socket": "a socket",
    "rasterio.io.DatasetReader": "an open raster",
    "rasterio.io.DatasetWriter": "an open raster",
    "osgeo.gdal.Dataset": "an open raster of osgeo",
}


@dataclass(frozen=True, slots=True)
class Place:
    """How a part is reached.

    Attributes
    ----------
    origin : str
        Which object it began with: "otherArgs".
    via : str
        The variable of a function by which it went on: "global 'ds' used by function 'f'".
    name : str
        What the object there is called.
    steps : str
        How to go on from there: ".cache['a'][3]".
    value : object
        The part.
    module, member : str
        The last member of a module sent by value on the way, if any.
    """

    origin: str
    value: Any
    via: str = ""
    name: str = ""
    steps: str = ""
    module: str = ""
    member: str = ""

    def __str__(self) -> str:
        if not self.via:
            return self.origin + self.steps
        within = "" if self.origin == _FUNCTION else f"{self.origin}: "
        return f"{within}{self.via}" + (f": {self.name}{self.steps}" if self.steps else "")

    def on(self, step: str, value: Any) -> Place:
        """Go on to a part."""
        return replace(self, steps=self.steps + step, value=value)

    def by(self, via: str, name: str, value: Any) -> Place:
        """Go on to what a function refers to."""
        # of several functions on the way only the last is told
        start = self.origin if self.via or self.origin == _FUNCTION else self.origin + self.steps
        return replace(self, origin=start, via=via, name=name, steps="", value=value)


_FUNCTION = "the user function"


def description(value: Any) -> str:
    """Say what an object is."""
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return _WORDS.get(name) or f"an object of class {name.removeprefix('builtins.')}"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The smallest part that cannot be pickled, and what pickle says of it."""

    place: Place
    error: Exception


class Search:
    """Looks for the part of an object that fails.

    Parameters
    ----------
    pickled : callable
        Pickles an object, or raises.
    """

    def __init__(self, pickled: Callable[[Any], object]) -> None:
        self._pickled = pickled
        self._until = time.monotonic() + PATIENCE
        self._seen: set[int] = set()

    def find(self, starts: Sequence[Place]) -> Obstacle | None:
        """Go from the first of some objects that fails to the smallest part of it that does."""
        found = self._first(starts)
        for _ in range(DEEPEST):
            if found is None or isinstance(found.error.__cause__, RecursionError):
                break
            self._seen.add(id(found.place.value))
            inside = self._first(list(self._fresh(_parts(found.place))))
            if inside is None:
                break
            found = inside
        return found

    def failing(self, named: Mapping[str, Any]) -> frozenset[str]:
        """Return the names of objects that fail, each alone."""
        return frozenset(name for name, value in named.items() if self._error(value) is not None)

    def _fresh(self, places: Iterable[Place]) -> Iterator[Place]:
        return (place for place in places if id(place.value) not in self._seen)

    def _first(self, places: Sequence[Place]) -> Obstacle | None:
        """Halve until one is left: one try for each of a million items would take for ever."""
        while places and time.monotonic() < self._until:
            error = self._error([place.value for place in places])
            if error is None:
                return None
            if len(places) == 1:
                return Obstacle(places[0], self._error(places[0].value) or error)
            half = len(places) // 2
            first = places[:half]
            fails = self._error([place.value for place in first]) is not None
            places = first if fails else places[half:]
        return None

    def _error(self, value: Any) -> Exception | None:
        try:
            self._pickled(value)
        except Exception as error:
            return error
        return None


def _parts(place: Place) -> Iterator[Place]:
    """Yield what pickle would go on to, from the object of a place."""
    value = place.value
    if isinstance(value, dict):
        return _of_dict(place, value)
    if isinstance(value, list | tuple | set | frozenset):
        return _of_items(place, value)
    if isinstance(value, FunctionType):
        return _of_function(place, value)
    if isinstance(value, type):
        return _of_class(place, value)
    if isinstance(value, ModuleType):
        return _of_module(place, value)
    return _of_object(place, value)


def _of_dict(place: Place, value: dict[Any, Any]) -> Iterator[Place]:
    for key, item in value.items():
        yield place.on(f"[{_short(key)}]", item)
    for key in value:
        yield place.on(f" (its key {_short(key)})", key)


def _of_items(place: Place, value: Any) -> Iterator[Place]:
    ordered = isinstance(value, list | tuple)
    for number, item in enumerate(value):
        yield place.on(f"[{number}]" if ordered else f" (its item {_short(item)})", item)
    # subclasses have attributes
    yield from _attributes(place, getattr(value, "__dict__", {}))


def _of_function(place: Place, function: FunctionType) -> Iterator[Place]:
    name = function.__name__
    is_start = place.origin == _FUNCTION and not place.via and not place.steps
    code = function.__code__
    for variable, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        via = f"closure variable '{variable}' of function '{name}'"
        if is_start:
            via = f"the user function's closure variable '{variable}'"
        yield from _of_cell(place, via, variable, cell)
    for variable, value in globals_used(function).items():
        yield place.by(f"global '{variable}' used by function '{name}'", variable, value)
    for parameter, default in _defaults(function):
        yield place.by(
            f"default of parameter '{parameter}' of function '{name}'", parameter, default
        )
    yield from _attributes(place, function.__dict__)


def _defaults(function: FunctionType) -> Iterator[tuple[str, Any]]:
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    yield from zip(names[len(names) - len(defaults) :], defaults, strict=True)
    yield from (function.__kwdefaults__ or {}).items()


def _of_cell(place: Place, via: str, variable: str, cell: CellType) -> Iterator[Place]:
    try:
        yield place.by(via, variable, cell.cell_contents)
    except ValueError:
        return  # it is empty


def _of_class(place: Place, kind: type) -> Iterator[Place]:
    yield from _attributes(place, vars(kind))
    for base in kind.__bases__:
        yield place.on(f" (its base class {base.__qualname__})", base)


def _of_module(place: Place, module: ModuleType) -> Iterator[Place]:
    for name, value in members(module).items():
        yield replace(place.on(f".{name}", value), module=module.__name__, member=name)


def _of_object(place: Place, value: Any) -> Iterator[Place]:
    if isinstance(value, MethodType):
        yield place.on(".__self__", value.__self__)
        yield place.on(f".{value.__name__}", value.__func__)
    elif isinstance(value, partial):
        yield place.on(".func", value.func)
        yield place.on(".args", value.args)
        yield place.on(".keywords", value.keywords)
    elif isinstance(value, classmethod | staticmethod):
        yield place.on("", value.__func__)
    elif isinstance(value, property):
        yield from (place.on("", part) for part in (value.fget, value.fset, value.fdel) if part)
    else:
        yield from _of_reduced(place, value)


def _of_reduced(place: Place, value: Any) -> Iterator[Place]:
    """Yield what an object consists of for pickle."""
    kind = type(value)
    try:
        special = cloudpickle.Pickler.dispatch_table.get(kind) or dispatch_table.get(kind)
        reduced = special(value) if special else value.__reduce_ex__(5)
    except Exception:
        return
    if isinstance(reduced, str):
        return
    whole: tuple[Any, ...] = (*reduced, None, None, None, None)
    make, args, state, items, pairs = whole[:5]
    for part in state if isinstance(state, tuple) else (state,):
        if isinstance(part, dict):
            yield from _attributes(place, part)
        elif part is not None:
            yield place.on(" (its state)", part)
    yield from (place.on(f"[{number}]", item) for number, item in enumerate(items or ()))
    yield from (place.on(f"[{_short(key)}]", item) for key, item in pairs or ())
    yield place.on(f" (its class {kind.__qualname__})", kind)
    yield from (place.on(f" (its part {number})", part) for number, part in enumerate(args))
    yield place.on(" (what makes it)", make)


def _attributes(place: Place, named: Mapping[Any, Any]) -> Iterator[Place]:
    return (place.on(f".{name}", value) for name, value in named.items())


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:
        text = description(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
