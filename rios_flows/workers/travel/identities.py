"""Which object of this process is which of another: a class that comes home is the one that left.

What is sent by value has a key, made where the object was made. Where a key is known already, the
object that is there is taken as it is. So a class of the caller's script is not changed by the copy
of it that a worker sends back.
"""

from __future__ import annotations

import os
import threading
import uuid
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from rios_flows import rioserrors

#: Held while something is packed or unpacked: no other thread may see half of an object.
LOCK = threading.RLock()


class _Here:
    """What this process knows.

    Attributes
    ----------
    token : str
        Its name among all processes.
    home : str
        The token of the process that it works for; its own, unless it is a worker.
    objects : mapping
        The object of each key.
    keys : dict
        The key of each object, by ``id``.
    unfinished : set of str
        The keys of objects that were made, and have no state yet.
    """

    token = home = uuid.uuid4().hex
    objects: ClassVar[weakref.WeakValueDictionary[str, Any]] = weakref.WeakValueDictionary()
    keys: ClassVar[dict[int, str]] = {}
    unfinished: ClassVar[set[str]] = set()
    made = 0


def own_token() -> str:
    """Return the token of this process."""
    return _Here.token


def work_for(token: str) -> bool:
    """Note for which process this one works; return whether that is another one."""
    _Here.home = token
    return token != _Here.token


def is_worker() -> bool:
    """Return whether this process works for another one."""
    return _Here.home != _Here.token


def key_of(obj: Any) -> str:
    """Return the key of an object, a new one if it has none."""
    key = _key_if_any(obj)
    if key is None:
        _Here.made += 1
        key = f"{_Here.token}-{_Here.made}"
        _remember(key, obj)
    return key


def key_at_home(obj: Any) -> str | None:
    """Return the key of an object that came from the process that this one works for."""
    if not is_worker():
        return None
    key = _key_if_any(obj)
    return key if key is not None and key.startswith(_Here.home) else None


def known(key: str) -> Any:
    """Return an object that this process once sent away."""
    found = _Here.objects.get(key)
    if found is None:
        raise rioserrors.UnavailableError(
            "A worker returned an object of a class, or a function, that does not exist any more "
            "in the process that sent it; keep a reference to it until the run has ended"
        )
    return found


def arrive(key: str, make: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Return the object of a key; make it if it is not here yet."""
    found = _Here.objects.get(key)
    if found is None:
        found = make(*args)
        _remember(key, found)
        _Here.unfinished.add(key)
    return found


def furnish(obj: Any, how: tuple[Callable[[Any, Any], object], Any]) -> None:
    """Give an object that has just been made its state; one that was here keeps its own."""
    key = _Here.keys[id(obj)]
    if key in _Here.unfinished:
        _Here.unfinished.remove(key)
        give, state = how
        give(obj, state)


def _key_if_any(obj: Any) -> str | None:
    key = _Here.keys.get(id(obj))
    return key if key is not None and _Here.objects.get(key) is obj else None


def _remember(key: str, obj: Any) -> None:
    _Here.objects[key] = obj
    number = id(obj)
    _Here.keys[number] = key
    weakref.finalize(obj, _forget, number, key).atexit = False


def _forget(number: int, key: str) -> None:
    # the number may belong to another object by now
    if _Here.keys.get(number) == key:
        del _Here.keys[number]


def _begin_child() -> None:
    global LOCK
    # another thread of the parent may have held it
    LOCK = threading.RLock()
    _Here.token = _Here.home = uuid.uuid4().hex
    # what arrives is to be as it is sent, and not as it was at the fork
    _Here.objects.clear()
    _Here.keys.clear()


os.register_at_fork(after_in_child=_begin_child)
