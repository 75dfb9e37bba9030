"""What a function keeps from block to block: a copy for each worker, and one result of all."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Sequence, Sized
from functools import reduce
from typing import Any

import numpy as np

from rios_flows.basics.objectstate import UNCHANGING
from rios_flows.rioserrors import ParameterError

Merge = Callable[[Any, Any], Any]


def check_state(state: Any, merge: Merge | None, takes_state: bool) -> None:
    """Refuse a state that could not come home right."""
    if state is None:
        if merge is not None:
            raise ParameterError("merge is given, and no state to merge; give state=, too")
        if takes_state:
            raise ParameterError(
                "the function takes 'state', and none is given; give state=, such as Counter()"
            )
        return
    if merge is not None and not callable(merge):
        raise ParameterError(
            f"merge={merge!r} is not right: it must be a function of two states that returns one"
        )
    if not takes_state:
        raise ParameterError(
            "state is given, and the function has no parameter 'state' to take it by"
        )
    if type(state) in UNCHANGING or isinstance(state, np.generic | tuple | frozenset):
        raise ParameterError(
            f"state is a {type(state).__name__}, which a function cannot change; give what it can "
            "fill: a Counter, a list, an array, an object with attributes"
        )
    if merge is None and _adds(state) and _holds_something(state):
        raise ParameterError(
            f"state is a {type(state).__name__} that holds something already, which + would count "
            "once for each worker; begin with an empty one, or give merge="
        )


def own_copy(state: Any) -> Any:
    """Return what is given to the run: the caller's own stays as it is."""
    try:
        return None if state is None else copy.deepcopy(state)
    except Exception as error:
        raise ParameterError(
            f"state is a {type(state).__name__}, of which no copy can be made for each worker "
            f"({error}); give what copy.deepcopy copies, such as a Counter, a list, an array"
        ) from error


def merged(states: Sequence[Any], merge: Merge | None) -> Any:
    """Make one of the copies of all workers, in their order; a list where nothing adds them."""
    if not states or states[0] is None:
        return None
    if merge is None and not _adds(states[0]):
        return list(states)
    return reduce(merge or operator.add, states)


def _adds(state: Any) -> bool:
    return hasattr(type(state), "__add__")


def _holds_something(state: Any) -> bool:
    if isinstance(state, np.ndarray):
        return bool(state.any())
    return isinstance(state, Sized) and len(state) > 0
