"""What travels to a worker, packed once, and the state of ``otherArgs``, which also comes home.

The user function and ``otherArgs`` may be of any kind: lambdas, closures, methods, and what a
script, a notebook, or a module beside the script defines. Objects that come home are of the
caller's own classes.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rios_flows import rioserrors
from rios_flows.basics import pickling
from rios_flows.basics.naming import this_process
from rios_flows.basics.objectstate import UNCHANGING
from rios_flows.workers.travel import identities
from rios_flows.workers.travel.surroundings import (
    set_warning_filters,
    surroundings,
    warning_filters,
)

if TYPE_CHECKING:
    from rios_flows.runs.blockwork import BlockWork
    from rios_flows.workers.travel.obstacles import Place

#: What a job consists of, as messages call it, in the order of BlockWork's arguments.
_PARTS = ("the plan", "the user function", "otherArgs", "GDAL's settings")

_JOB = "The user function or otherArgs"

#: The order in which to look for what is in the way.
_SUSPECTS = (1, 2, 3, 0)


def pack(work: BlockWork) -> bytes:
    """Pack a job for a worker, with what the user function finds around it in this process.

    Raises
    ------
    ParameterError
        If something of it cannot be pickled; the message names it.
    """

    def starts() -> list[Place]:
        _, parts = work.__reduce__()
        return _places([(_PARTS[number], parts[number]) for number in _SUSPECTS])

    filters = _packed(warning_filters(), "warnings.filters")
    job = _by_value(work, starts)
    return pickle.dumps((identities.own_token(), surroundings(), filters, job), protocol=5)


def unpack(data: bytes) -> BlockWork:
    """Unpack a job in the process of a worker, and give that process the caller's surroundings.

    Raises
    ------
    UnavailableError
        If something that it needs is not there.
    """
    token, around, filters, job = pickle.loads(data)
    if not identities.work_for(token):
        work: BlockWork = _loaded(job, _JOB)
        return work
    pickling.pickle_by(pack_state)
    around.enter()
    chosen = _loaded(filters, "The caller's filters of warnings")
    set_warning_filters(chosen)
    work = _loaded(job, _JOB)
    # modules that were imported meanwhile may have set some of their own
    set_warning_filters(chosen)
    return work


def pack_state(state: Any, name: str = "otherArgs") -> bytes:
    """Pack the state of ``otherArgs``, or anything else that has objects of the user in it.

    Raises
    ------
    ParameterError
        If it cannot be pickled; the message names the part, and calls the object ``name``.
    """
    if type(state) in UNCHANGING or identities.is_worker():
        # much faster; it refuses what the other process would not find by name
        of_error = issubclass(type(state), BaseException)
        with suppress(Exception):
            return pickling.plain_dumps(state) if of_error else pickle.dumps(state, protocol=5)
    return _packed(state, name)


def unpack_state(data: bytes) -> Any:
    """Unpack what :func:`pack_state` packed, in the other process.

    Raises
    ------
    UnavailableError
        If something that it needs is not there.
    """
    return _loaded(data, "otherArgs")


def _packed(value: Any, name: str) -> bytes:
    return _by_value(value, lambda: _places([(name, value)]))


def _by_value(value: Any, starts: Callable[[], Sequence[Place]]) -> bytes:
    # only runs with workers need cloudpickle, and a worker often does not
    from rios_flows.workers.travel.packing import packed

    return packed(value, starts)


def _places(named: Sequence[tuple[str, Any]]) -> list[Place]:
    from rios_flows.workers.travel.obstacles import Place

    return [Place(name, value) for name, value in named]


def _loaded(data: bytes, what: str) -> Any:
    try:
        with identities.LOCK:
            return pickle.loads(data)
    except ImportError as error:
        raise rioserrors.UnavailableError(
            f"{what} cannot be unpacked in {this_process()}: {error}; install the module for that "
            "Python, or put it beside the script"
        ) from error
    except Exception as error:
        raise rioserrors.UnavailableError(
            f"{what} cannot be unpacked in {this_process()}: {type(error).__name__}: {error}; "
            "pickle it and load it in a new process to see why"
        ) from error
