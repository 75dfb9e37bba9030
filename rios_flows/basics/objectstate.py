"""The state of one object: taken, and put back into the same object."""

from __future__ import annotations

import array
import copy
import struct
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from types import BuiltinMethodType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

#: Objects of exactly these types never change.
UNCHANGING = frozenset({type(None), bool, int, float, complex, str, bytes, range, slice})

#: Types whose state beside attributes is known here, and that of classes derived from them.
_KNOWN = frozenset(
    {
        *(object, dict, OrderedDict, defaultdict, list, set, deque, bytearray, array.array),
        *(tuple, frozenset, int, float, complex, str, bytes),
        *(np.ndarray, np.generic, BaseException, MethodType, BuiltinMethodType),
    }
)

_POINTER = struct.calcsize("P")

_COPY_HOOKS = ("__deepcopy__", "__reduce__", "__reduce_ex__")

_MISSING = object()


class NotRestorableError(Exception):
    """The reason why the state of an object cannot be put back."""


class Part(NamedTuple):
    """A piece of an object's state."""

    restore: Callable[[], None] | None  # may be called again; None if nothing can change
    children: Iterable[tuple[str, Any]]  # what it refers to, after the way to reach each


def parts_of(value: Any) -> Iterator[Part]:
    """Take the state of an object, piece by piece, without the state of what it refers to."""
    cls: Any = type(value)
    base = next(each for each in cls.__mro__ if each in _KNOWN)
    if base is object and _is_single(value):
        return
    if base is not object:
        yield from _content(base, value)
    if cls is base:
        return
    if cls.__dictoffset__:
        yield _attributes(value)
    for name, slot in _slots(cls):
        yield _slot(name, slot, value)
    if _size_explained(cls, base) < cls.__basicsize__:
        yield from _hidden(value)


def _content(base: type, value: Any) -> Iterator[Part]:
    """Take the content of a container."""
    if issubclass(base, dict):
        items = list(base.items(value))
        yield Part(lambda: _fill_dict(base, value, items), _of_items(items))
    elif issubclass(base, list | bytearray | array.array):
        kept: Any = base.__getitem__(value, slice(None))
        yield Part(
            lambda: base.__setitem__(value, slice(None), kept),
            _numbered(kept) if base is list else (),
        )
    elif issubclass(base, set | deque):
        yield _cleared_and_filled(base, value)
    elif issubclass(base, np.ndarray):
        yield _pixels(value)
    elif issubclass(base, tuple | frozenset):
        yield Part(None, _numbered(base.__iter__(value)))
    elif issubclass(base, BaseException):
        arguments = value.args
        yield Part(lambda: setattr(value, "args", arguments), [(".args", arguments)])
    elif issubclass(base, MethodType | BuiltinMethodType):
        # that of a function is its module
        owner = None if isinstance(value.__self__, ModuleType) else value.__self__
        yield Part(None, [(".__self__", owner)])


def _numbered(items: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for number, child in enumerate(items):
        # most items are plain numbers, and there may be many
        if type(child) not in UNCHANGING:
            yield f"[{number}]", child


def _fill_dict(base: Any, value: Any, items: list[tuple[Any, Any]]) -> None:
    # with the methods of the base: those of a derived class may do something else as well
    base.clear(value)
    for key, child in items:
        base.__setitem__(value, key, child)


def _of_items(items: list[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    for key, child in items:
        plain = type(key) in UNCHANGING
        if type(child) not in UNCHANGING:
            yield f"[{key!r}]" if plain else "[...]", child
        if not plain:
            yield " (a key)", key


def _cleared_and_filled(base: Any, value: Any) -> Part:
    kept = list(base.__iter__(value))

    def restore() -> None:
        base.clear(value)
        (base.update if base is set else base.extend)(value, kept)

    return Part(restore, ((" (an item)", child) for child in kept))


def _pixels(value: Any) -> Part:
    """Take an array's values; a read-only view changes only through the owner of its memory."""
    if not value.flags.writeable:
        return Part(None, [(".base", value.base)])
    kept = np.array(value.view(np.ndarray))

    def restore() -> None:
        now = value.view(np.ndarray)
        if (now.shape, now.dtype) != (kept.shape, kept.dtype):
            raise NotRestorableError(
                f"an array of {kept.dtype}{kept.shape} is {now.dtype}{now.shape} after a failed try"
            )
        now[...] = kept

    return Part(restore, [("[...]", kept.tolist())] if kept.dtype.hasobject else ())


def _attributes(value: Any) -> Part:
    attributes = object.__getattribute__(value, "__dict__")
    kept = dict(attributes)

    def restore() -> None:
        now = object.__getattribute__(value, "__dict__")
        # unchanged if possible: others may read it at the same time
        if list(now) != list(kept) or any(now[name] is not kept[name] for name in kept):
            now.clear()
            now.update(kept)

    return Part(restore, ((f".{name}", child) for name, child in kept.items()))


def _slot(name: str, slot: Any, value: Any) -> Part:
    kept = _in_slot(slot, value)

    def restore() -> None:
        now = _in_slot(slot, value)
        if now is kept:
            return
        if kept is _MISSING:
            slot.__delete__(value)
        else:
            slot.__set__(value, kept)

    return Part(restore, () if kept is _MISSING else [(f".{name}", kept)])


def _in_slot(slot: Any, value: Any) -> Any:
    try:
        return slot.__get__(value)
    except AttributeError:
        return _MISSING


def _hidden(value: Any) -> Iterator[Part]:
    """Take the hidden state of an object of compiled code, if the object can give and take it."""
    if type(value).__module__ == "numpy.random._generator":
        yield Part(None, [(".bit_generator", value.bit_generator)])
        return
    if hasattr(value, "__next__"):
        raise NotRestorableError(f"{_named(value)} cannot be wound back")
    try:
        if _is_value(value):
            return
        reduced = value.__reduce_ex__(2)
    except Exception as error:
        raise NotRestorableError(f"{_named(value)} cannot be copied: {error}") from error
    if len(reduced) < 3 or reduced[2] is None or not hasattr(value, "__setstate__"):
        raise NotRestorableError(f"{_named(value)} does not take back its state")
    state = reduced[2]
    yield Part(lambda: value.__setstate__(state), [("", state)])


def _is_single(value: Any) -> bool:
    """Return whether an object must not be copied, such as a function, a class or a logger."""
    cls: Any = type(value)
    own = any(getattr(cls, name, None) != getattr(object, name, None) for name in _COPY_HOOKS)
    if not own and _size_explained(cls, object) == cls.__basicsize__:
        return False
    try:
        return copy.deepcopy(value) is value
    except Exception:
        return False


def _is_value(value: Any) -> bool:
    """Return whether an object is only a value, such as a date: a set takes a copy for the same."""
    own: Any = type(value).__hash__
    if own is None or own is object.__hash__:
        return False
    return hash(copy.deepcopy(value)) == hash(value)


def _named(value: Any) -> str:
    return f"a {type(value).__name__}"


@lru_cache(maxsize=256)
def _slots(cls: type) -> tuple[tuple[str, Any], ...]:
    """Return name and descriptor of each of ``__slots__``, of a class and its bases."""
    return tuple(
        (name, slot)
        for each in cls.__mro__
        if "__slots__" in vars(each)
        for name, slot in vars(each).items()
        if isinstance(slot, MemberDescriptorType)
    )


@lru_cache(maxsize=256)
def _size_explained(cls: type, base: type) -> int:
    """Return the size of an object without hidden state (bytes), as pickle computes it."""
    extra = (cls.__dictoffset__ > 0 and not base.__dictoffset__) + (
        cls.__weakrefoffset__ > 0 and not base.__weakrefoffset__
    )
    return base.__basicsize__ + _POINTER * (len(_slots(cls)) + extra)
