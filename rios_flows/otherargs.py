"""The state of ``otherArgs``: kept before something is tried, and put back where that failed."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.errortext import text_of

#: Nothing can happen to these.
IMMUTABLE_TYPES = (type(None), bool, int, float, complex, str, bytes, np.generic)


class Snapshot:
    """The state of ``otherArgs`` before an attempt, to go back to when it fails.

    Parameters
    ----------
    other_args : object
        Something with attributes, or a dict, list, set or array; None needs no snapshot.

    Raises
    ------
    ParameterError
        If its state cannot be copied or put back.
    """

    def __init__(self, other_args: Any) -> None:
        self._object = other_args
        try:
            self._state = copy.deepcopy(_state_of(other_args))
        except Exception as error:
            raise rioserrors.ParameterError(
                f"setBlockRetries: otherArgs cannot be copied before each try ({text_of(error)}); "
                "give it attributes that copy.deepcopy takes, or set userFunction=0"
            ) from error

    def restore(self) -> None:
        """Drop what happened to the object since; it stays the same object."""
        state = _state_of(self._object)
        if state is None:
            return
        # copied again: the next try may change it, and fail too
        _replace(state, copy.deepcopy(self._state))


def restore(other_args: Any, saved: Any) -> None:
    """Give ``other_args`` the state of ``saved``, a copy of it; it stays the same object."""
    state = _state_of(other_args)
    if state is not None:
        _replace(state, _state_of(saved))


def of_each_worker(other_args: Any, workers: int, saved: list[Any] | None = None) -> list[Any]:
    """Return the object that each compute worker is to change.

    Parameters
    ----------
    other_args : object
        The user's.
    workers : int
        Number of compute workers; without any, the one lane that computes changes the user's own.
    saved : list, optional
        What each worker had by the last checkpoint of an earlier run.

    Raises
    ------
    ParameterError
        If it cannot be copied.
    """
    if not workers:
        if saved is not None:
            restore(other_args, saved[0])
        return [other_args]
    if saved is not None:
        return saved
    try:
        return [copy.deepcopy(other_args) for _ in range(workers)]
    except Exception as error:
        raise rioserrors.ParameterError(
            f"otherArgs cannot be copied for each compute worker ({error}); give it attributes "
            "that copy.deepcopy takes, or compute without compute workers"
        ) from error


def can_be_restored(other_args: Any) -> bool:
    """Tell whether :func:`restore` and :class:`Snapshot` work with this object."""
    try:
        _state_of(other_args)
    except TypeError:
        return False
    return True


def _replace(state: Any, other: Any) -> None:
    if isinstance(state, list):
        state[:] = other
    elif isinstance(state, np.ndarray):
        state[...] = other
    else:
        state.clear()
        state.update(other)


def _state_of(other_args: Any) -> Any:
    if isinstance(other_args, IMMUTABLE_TYPES):
        return None
    if isinstance(other_args, dict | list | set | np.ndarray):
        return other_args
    if hasattr(other_args, "__dict__"):
        return vars(other_args)
    raise TypeError(f"a {type(other_args).__name__} has no attributes to put back")
