"""Computing: the user function on one block, and what it must leave behind."""

from __future__ import annotations

import copy
import os
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.associations import BlockAssociations
from rios_flows.inputs.sources import label_of
from rios_flows.readerinfo import ReaderInfo
from rios_flows.stop import text_of

if TYPE_CHECKING:
    from rios_flows.grid import ApplierBlockDefn
    from rios_flows.plan import Plan
    from rios_flows.types import UserFunction


#: Nothing can happen to these.
UNCHANGING = (type(None), bool, int, float, complex, str, bytes, np.generic)


def name_of(function: UserFunction) -> str:
    """Return what to call a user function."""
    inner = getattr(function, "func", function)  # functools.partial
    return str(getattr(inner, "__name__", type(inner).__name__))


def compute_block(
    plan: Plan,
    function: UserFunction,
    other_args: Any,
    block: ApplierBlockDefn,
    inputs: BlockAssociations,
) -> BlockAssociations:
    """Call the user function on one block.

    Returns
    -------
    BlockAssociations
        One array an output, shape ``(bands, rows + 2 * overlap, cols + 2 * overlap)``.

    Raises
    ------
    WorkerExceptionError
        If the function raises; its own error is the cause.
    ArrayShapeError, KeysMismatch, TypeConversionError
        If it leaves an output of a wrong shape, forgets one, or leaves what is no array.
    """
    info = ReaderInfo(plan, block, inputs)
    outputs = BlockAssociations(plan.outfiles)
    process = os.getpid()
    try:
        if other_args is None:
            function(info, inputs, outputs)
        else:
            function(info, inputs, outputs, other_args)
    except Exception as error:
        raise rioserrors.WorkerExceptionError(_report(plan, function, block, error)) from error
    finally:
        if os.getpid() != process:
            _leave_to_parent()
    check_outputs(plan, block, outputs)
    return outputs


def _leave_to_parent() -> None:
    """End a process that the user function has forked: the run, its files and locks are not its."""
    error = sys.exc_info()[1]
    code = error.code if isinstance(error, SystemExit) else error is not None
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code if isinstance(code, int) else code is not None)


def _references(holder: Any, key: Any) -> int:
    return sys.getrefcount(holder[key])


#: What is counted for an array that nobody else holds.
_ALONE = _references([np.empty(0)], 0)


def detach(plan: Plan, outputs: BlockAssociations) -> None:
    """Copy the outputs that somebody else holds as well, and so may change before they are written.

    A user function that fills one buffer again and again is right as long as one lane does it all.
    """
    for target in plan.targets:
        name, number = target.key
        holder: Any = vars(outputs)
        key: Any = name
        if number is not None:
            if isinstance(holder[name], tuple):
                holder[name] = list(holder[name])
            holder, key = holder[name], number
        base = holder[key].base
        lent = base is not None and not (
            isinstance(base, np.ndarray) and _references([holder[key].base], 0) <= _ALONE + 2
        )
        if lent or _references(holder, key) > _ALONE:
            holder[key] = holder[key].copy()


def check_outputs(plan: Plan, block: ApplierBlockDefn, outputs: BlockAssociations) -> None:
    """Check names, dimensions, rows and columns of what the user function left."""
    margin = plan.blocks.overlap
    wanted = (block.nrows + 2 * margin, block.ncols + 2 * margin)
    for target in plan.targets:
        array = _entry(plan, block, outputs, target.key)
        if not isinstance(array, np.ndarray):
            raise rioserrors.TypeConversionError(
                f"Output '{target.label}' ('{target.path}') at {plan.describe(block)} is a "
                f"{type(array).__name__}; a numpy array of (bands, rows, columns) is needed"
            )
        if array.ndim != 3 or array.shape[1:] != wanted or array.shape[0] == 0:
            raise rioserrors.ArrayShapeError(
                f"Output '{target.label}' ('{target.path}') has shape {array.shape} at "
                f"{plan.describe(block)}; (bands, {wanted[0]}, {wanted[1]}) is needed: the rows "
                f"and columns of the block with its margin of {margin} pixels"
            )


def _entry(
    plan: Plan, block: ApplierBlockDefn, outputs: BlockAssociations, key: tuple[str, int | None]
) -> Any:
    name, number = key
    entry = getattr(outputs, name, None)
    if number is not None:
        entry = entry[number] if isinstance(entry, list | tuple) and number < len(entry) else None
    if entry is None:
        raise rioserrors.KeysMismatch(
            f"The user function left no array for output '{label_of(key)}' at "
            f"{plan.describe(block)} (compute stage); set outputs.{label_of(key)} in every call"
        )
    return entry


def _report(
    plan: Plan, function: UserFunction, block: ApplierBlockDefn, error: BaseException
) -> str:
    text = _traceback(error)
    what = f"{type(error).__name__}: {text_of(error)}"
    making = ", ".join(f"'{target.path}'" for target in plan.targets[:3])
    return (
        f"User function '{name_of(function)}' failed at {plan.describe(block)} (compute stage"
        f"{', for output ' + making if making else ''}): {what}\n\n{text}"
    )


def _traceback(error: BaseException) -> str:
    try:
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        return "".join(traceback.format_exception(type(error), error, trace)).rstrip()
    except Exception as failure:
        return f"(its traceback cannot be told: {type(failure).__name__})"


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


def put_back(other_args: Any, saved: Any) -> None:
    """Give ``other_args`` the state of ``saved``, a copy of it; it stays the same object."""
    state = _state_of(other_args)
    if state is not None:
        _replace(state, _state_of(saved))


def can_be_put_back(other_args: Any) -> bool:
    """Tell whether :func:`put_back` and :class:`Snapshot` work with this object."""
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
    if isinstance(other_args, UNCHANGING):
        return None
    if isinstance(other_args, dict | list | set | np.ndarray):
        return other_args
    if hasattr(other_args, "__dict__"):
        return vars(other_args)
    raise TypeError(f"a {type(other_args).__name__} has no attributes to put back")
