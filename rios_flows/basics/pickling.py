"""How errors of the user's code are pickled: a worker knows how to name the classes of a script."""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Callable
from typing import Any


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        return without_tblib(obj)


def without_tblib(value: Any) -> Any:
    """Return how an error is pickled that tblib would pickle; NotImplemented for all else.

    To import distributed has tblib pickle the errors of all classes that there are. It takes along
    all that an error refers to, and GDAL's errors, behind most of rasterio's, it cannot restore.
    """
    kind = type(value)
    if not issubclass(kind, BaseException):
        return NotImplemented
    way = copyreg.dispatch_table.get(kind)
    if not str(getattr(way, "__module__", "")).startswith("tblib."):
        return NotImplemented
    return value.__reduce_ex__(5)


def plain_dumps(value: Any) -> bytes:
    """Pickle an object, the errors in it as Python does by itself."""
    file = io.BytesIO()
    _Pickler(file, protocol=5).dump(value)
    return file.getvalue()


class _Way:
    dumps: Callable[[Any], bytes] = staticmethod(plain_dumps)


def dumps(value: Any) -> bytes:
    """Pickle an object of the user, so that ``pickle.loads`` restores it at home."""
    return _Way.dumps(value)


def pickle_by(way: Callable[[Any], bytes]) -> None:
    """Have objects of the user pickled in another way from now on."""
    _Way.dumps = staticmethod(way)
