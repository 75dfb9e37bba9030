"""The ``otherArgs`` of each compute worker."""

from __future__ import annotations

import copy
import logging
from typing import Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.basics.objectstate import UNCHANGING

logger = logging.getLogger(__name__)


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
    if other_args is not None:
        logger.info(
            "Each of %d compute workers has a copy of otherArgs; otherArgsList has them at the end",
            workers,
        )
    try:
        return [copy.deepcopy(other_args) for _ in range(workers)]
    except Exception as error:
        raise rioserrors.ParameterError(
            f"otherArgs cannot be copied for each compute worker ({error}); give it attributes "
            "that copy.deepcopy takes, or compute without compute workers"
        ) from error


def can_be_restored(other_args: Any) -> bool:
    """Tell whether :func:`restore` works with this object."""
    try:
        _state_of(other_args)
    except TypeError:
        return False
    return True


def can_change(other_args: Any) -> bool:
    """Tell whether blocks may leave something in this object."""
    try:
        return _state_of(other_args) is not None
    except TypeError:
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
    if type(other_args) in UNCHANGING or isinstance(other_args, np.generic):
        return None
    if isinstance(other_args, dict | list | set | np.ndarray):
        return other_args
    if hasattr(other_args, "__dict__"):
        return vars(other_args)
    raise TypeError(f"a {type(other_args).__name__} has no attributes to put back")
