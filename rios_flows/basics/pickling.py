"""How errors of the user's code are pickled: a worker knows how to name the classes of a script."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any


class _Way:
    dumps: Callable[[Any], bytes] = staticmethod(pickle.dumps)


def dumps(value: Any) -> bytes:
    """Pickle an object of the user, so that ``pickle.loads`` restores it at home."""
    return _Way.dumps(value)


def pickle_by(way: Callable[[Any], bytes]) -> None:
    """Have objects of the user pickled in another way from now on."""
    _Way.dumps = staticmethod(way)
