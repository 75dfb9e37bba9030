"""Digests that are the same in every process for the same values.

Pickle cannot give them: it writes a set in a random order, only the name of a function, and no lock
at all.
"""

from __future__ import annotations

import copyreg
import hashlib
import os
import random
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from rios_flows.runs.resume.names import is_own, used_names

#: Texts longer than this are replaced by their digest (bytes).
_SHORT = 64

#: What differs in each process: only its type counts.
_AROUND = (os.environ, random.random.__self__, np.random.rand.__self__)  # type: ignore[attr-defined]


def digest(value: object) -> str:
    """Return a digest of a value and all that it holds, with the user's own functions and classes.

    Only the name of other functions and classes counts, and only the type of what shows no state.
    """
    return hashlib.sha256(_Digests({}, {}).of(value)).hexdigest()


class _Digests:
    """Walks through values, each object once; knows digests and depths by ``id()``."""

    def __init__(self, done: dict[int, tuple[Any, bytes]], above: dict[int, int]) -> None:
        # with the objects: the id of a deleted one may come again
        self._done, self._above = done, above

    def of(self, value: Any) -> bytes:
        """Return what stands for a value; no such text begins another."""
        plain = _plain(value)
        if plain is not None:
            return plain
        key = id(value)
        if key in self._above:
            return _text("above", str(self._above[key]).encode())
        if key in self._done:
            return self._done[key][1]
        self._above[key] = len(self._above)
        try:
            content = b"".join(self._parts(value))
        finally:
            del self._above[key]
        result = _text("of", hashlib.sha256(content).digest())
        self._done[key] = value, result
        return result

    def _parts(self, value: Any) -> Iterator[bytes]:
        yield _text("type", _name(type(value), type(value).__module__))
        if any(value is item for item in _AROUND):
            return
        for kind, parts in self._kinds():
            if isinstance(value, kind):
                yield from parts(value)
                return
        # numba's functions and cached ones hold more than the function they wrap
        wrapped = getattr(value, "__dict__", {}).get("__wrapped__")
        yield from self._object(value) if wrapped is None else (self.of(wrapped),)

    def _kinds(self) -> Iterable[tuple[Any, Callable[[Any], Iterator[bytes]]]]:
        return (
            (types.FunctionType, self._function),
            (types.CodeType, self._code),
            (type, self._class),
            (types.ModuleType, self._module),
            (np.ndarray, self._array),
            (set | frozenset, self._set),
            (types.MappingProxyType, lambda value: self._pairs(value.items())),
            (staticmethod | classmethod, lambda value: iter([self.of(value.__func__)])),
            (property, lambda value: self._all((value.fget, value.fset, value.fdel))),
        )

    def _all(self, values: Iterable[Any]) -> Iterator[bytes]:
        for value in values:
            yield self.of(value)

    def _pairs(self, pairs: Iterable[tuple[Any, Any]]) -> Iterator[bytes]:
        for pair in pairs:
            yield from self._all(pair)

    def _set(self, value: Iterable[Any]) -> Iterator[bytes]:
        # each element by itself: their order must not matter
        yield from sorted(
            _plain(item) or _Digests(dict(self._done), dict(self._above)).of(item) for item in value
        )
        yield self.of(getattr(value, "__dict__", None))

    def _array(self, value: np.ndarray[Any, Any]) -> Iterator[bytes]:
        if type(value) not in (np.ndarray, np.memmap) or value.dtype.kind in "OTV":
            yield from self._object(value)
            return
        yield _text("array", f"{value.dtype.str} {value.shape}".encode())
        yield _text("bytes", hashlib.sha256(np.ascontiguousarray(value).data).digest())

    def _function(self, value: types.FunctionType) -> Iterator[bytes]:
        module = str(value.__globals__.get("__name__"))
        yield _text("name", _name(value, module))
        yield self.of(value.__code__)
        # another package's decorator holds the user's function in its closure
        cells = [_content(cell) for cell in value.__closure__ or ()]
        yield from self._all((value.__defaults__, value.__kwdefaults__, cells))
        if is_own(module):
            yield self.of(vars(value))
            yield from self._pairs(used_names(value).items())

    def _code(self, value: types.CodeType) -> Iterator[bytes]:
        """Tell what compiled code does, but not in which line of which file it is."""
        yield from self._all((value.co_code, value.co_consts, value.co_names, value.co_flags))
        yield from self._all((value.co_varnames, value.co_freevars, value.co_cellvars))
        yield from self._all((value.co_argcount, value.co_kwonlyargcount, value.co_exceptiontable))

    def _class(self, value: type) -> Iterator[bytes]:
        yield _text("name", _name(value, value.__module__))
        if not is_own(value.__module__):
            return
        yield from self._all(value.__bases__)
        for name, member in sorted(vars(value).items()):
            # what Python itself keeps of a class says nothing, or has a random order
            functions = callable(member) or isinstance(member, classmethod | property)
            if functions or not (name.startswith("__") or name == "_abc_impl"):
                yield from self._all((name, member))

    def _module(self, value: types.ModuleType) -> Iterator[bytes]:
        yield _text("name", value.__name__.encode())
        file = getattr(value, "__file__", None)
        if file and is_own(value.__name__):
            with suppress(OSError), open(file, "rb") as source:
                yield _text("source", hashlib.file_digest(source, "sha256").digest())

    def _object(self, value: Any) -> Iterator[bytes]:
        """Tell how an object is made, and its state, as pickle and copy see it."""
        if type(value) in (list, tuple):
            yield from self._all(value)
            return
        if type(value) is dict:
            yield from self._pairs(value.items())
            return
        try:
            reduced = _reduced(value)
        except Exception:
            return  # a lock, a file: it shows no state
        if isinstance(reduced, str):
            yield _text("name", f"{getattr(value, '__module__', '')}.{reduced}".encode())
            return
        made_by, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        yield from self._all((made_by, arguments, state))
        yield from self._all(items or ())
        yield _text("pairs", b"")
        yield from self._pairs(pairs or ())


def _reduced(value: Any) -> Any:
    made_known = copyreg.dispatch_table.get(type(value))
    return value.__reduce_ex__(4) if made_known is None else made_known(value)


def _plain(value: Any) -> bytes | None:
    """Return what stands for a value that holds no other values; None if it may hold some."""
    kind = type(value)
    if kind is str:
        return _text("str", value.encode("utf-8", "surrogatepass"))
    if kind is bytes:
        return _text("bytes", value)
    if kind is int:
        return _text("int", b"%x" % value)
    if kind in (bool, float, complex, type(None), type(...), type(NotImplemented)):
        return _text(kind.__name__, repr(value).encode())
    return None


def _text(kind: str, content: bytes) -> bytes:
    if len(content) > _SHORT:
        kind, content = "long " + kind, hashlib.sha256(content).digest()
    return b"%s:%d:%s" % (kind.encode(), len(content), content)


def _name(value: Any, module: str) -> bytes:
    """Name a function or class; without the user's own module, which may have any name."""
    return f"{'' if is_own(module) else module}.{value.__qualname__}".encode()


def _content(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None  # empty as yet
