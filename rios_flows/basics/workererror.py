"""The error of a user function, in a class that also has the type of its cause."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Hashable
from contextlib import suppress
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, cast

from rios_flows.rioserrors import WorkerExceptionError

#: The first two would end loops of the caller; Python prints the last in a special way.
_NEVER = (StopIteration, StopAsyncIteration, SyntaxError)


def as_its_cause(error: WorkerExceptionError) -> WorkerExceptionError:
    """Return the same error in a class that is also its cause's, if such a class can be made."""
    # so a script that catches a KeyError of its user function around apply() still works
    cause = error.__cause__
    if cause is None or type(error) is not WorkerExceptionError:
        return error
    kind = type(cause)
    # by its type: an error's own attributes may raise errors
    if issubclass(kind, WorkerExceptionError):
        # from a run inside this run
        kind = getattr(cause, "cause_type", kind)
    made = _make(kind, str(error), _attributes_of(cause))
    if type(made) is WorkerExceptionError:
        return error
    made.__cause__ = cause
    made.__notes__ = list(getattr(error, "__notes__", ()))
    return made.with_traceback(error.__traceback__)


def _make(kind: type[Any], message: str, attributes: dict[str, Any]) -> WorkerExceptionError:
    try:
        return _instance(_class_of(cast(Hashable, kind)), message, attributes)
    except Exception:
        # an unusual constructor, a base that allows no other, attributes that cannot be set
        return WorkerExceptionError(message)


@functools.lru_cache(maxsize=64)
def _class_of(kind: Any) -> type[WorkerExceptionError]:
    if issubclass(kind, _NEVER) or issubclass(WorkerExceptionError, kind):
        return WorkerExceptionError
    bases = (kind,) if issubclass(kind, WorkerExceptionError) else (WorkerExceptionError, kind)
    inside = {
        "__module__": WorkerExceptionError.__module__,
        "__qualname__": WorkerExceptionError.__qualname__,
        "__doc__": WorkerExceptionError.__doc__,
        "__init__": BaseException.__init__,
        "__str__": BaseException.__str__,
        "__repr__": BaseException.__repr__,
        "__getattribute__": BaseException.__getattribute__,
        "__setattr__": BaseException.__setattr__,
        "__reduce_ex__": _reduce,
        "cause_type": kind,
    }
    # type, and not the metaclass of an unusual class, which may refuse
    return cast(type[WorkerExceptionError], type(WorkerExceptionError.__name__, bases, inside))


def _instance(
    kind: type[WorkerExceptionError], message: str, attributes: dict[str, Any]
) -> WorkerExceptionError:
    # not by the cause's own constructor, which may need arguments that are not known
    builtin: Any = next(base for base in _solid_bases(kind) if base.__module__ == "builtins")
    error: WorkerExceptionError = builtin.__new__(kind, message)
    BaseException.__init__(error, message)
    for name, value in attributes.items():
        with suppress(AttributeError, TypeError):
            setattr(error, name, value)
    if str(error) != message:
        raise TypeError("an attribute has changed the message")
    return error


def _solid_bases(kind: type | None) -> Any:
    """Yield a class and the bases that decide the memory layout of its instances."""
    while kind is not None:
        yield kind
        kind = kind.__base__


def _attributes_of(error: BaseException) -> dict[str, Any]:
    """Return an error's attributes besides its message, such as the file of an OSError."""
    found: dict[str, Any] = {}
    for base in type(error).__mro__:
        for name, member in vars(base).items() if base.__module__ == "builtins" else ():
            if isinstance(member, GetSetDescriptorType | MemberDescriptorType):
                with suppress(Exception):
                    found[name] = getattr(error, name)
    with suppress(Exception):
        found |= vars(error)
    hidden = ("args", "characters_written")
    return {
        name: value
        for name, value in found.items()
        if not name.startswith("__") and name not in hidden
    }


def _reduce(error: Any, _: int) -> tuple[Any, ...]:
    """Pickle the parts of it that can be pickled."""
    message = str(error)
    for attributes in (_attributes_of(error), {}):
        with suppress(Exception):
            parts = (error.cause_type, message, attributes)
            pickle.loads(pickle.dumps(parts))
            return _make, parts
    return WorkerExceptionError, (message,)
