"""Computing: the user function on one block, and what it must leave behind."""

from __future__ import annotations

import copy
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.basics.errortext import text_of
from rios_flows.basics.naming import name_of
from rios_flows.basics.types import label_of
from rios_flows.controls.associations import BlockAssociations
from rios_flows.runs.blockarrays import FindValid
from rios_flows.runs.blockinfo import ReaderInfo

if TYPE_CHECKING:
    from rios_flows.basics.types import UserFunction
    from rios_flows.geometry.grid import ApplierBlockDefn
    from rios_flows.jobs.plan import Plan

logger = logging.getLogger(__name__)


def compute_block(
    plan: Plan,
    function: UserFunction,
    other_args: Any,
    block: ApplierBlockDefn,
    inputs: BlockAssociations,
    find_valid: FindValid | None = None,
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
        If it leaves an output of a wrong shape, forgets one, or leaves what is no array or list.
    """
    info = ReaderInfo(plan, block, inputs, find_valid)
    outputs = BlockAssociations(plan.outfiles)
    process = os.getpid()
    try:
        if other_args is None:
            function(info, inputs, outputs)
        else:
            function(info, inputs, outputs, other_args)
    except Exception as error:
        report = _report(plan, function, block, error, _wrongly_called(error, other_args))
        raise rioserrors.WorkerExceptionError(report) from error
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


def detached(plan: Plan, outputs: BlockAssociations) -> BlockAssociations:
    """Copy outputs for another lane: the function may go on changing whatever it left here.

    A user function that fills one buffer, mask or list again and again is right as long as one lane
    does it all.
    """
    own = BlockAssociations(plan.outfiles)
    for target in plan.targets:
        array = outputs[target.key]
        # a masked array with its mask and its fill value; no other class of array is of interest
        own[target.key] = copy.deepcopy(array) if np.ma.isMA(array) else np.array(array)
    return own


def _wrongly_called(error: Exception, other_args: Any) -> str:
    """Tell with how many arguments the call was made that failed before the function began."""
    # by its type: an error's own attributes may raise
    trace = error.__traceback__ if issubclass(type(error), TypeError) else None
    if trace is None or trace.tb_next is not None:
        return ""
    if other_args is None:
        return " (called with 3 arguments, as otherArgs is None)"
    return " (called with 4 arguments, as otherArgs was given)"


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
                f"and columns of the block{_with_margin(margin)}"
                f"{'; add the band: array[np.newaxis]' if array.ndim == 2 else ''}"
            )
    # once a run is enough
    if not block.top and not block.left:
        _warn_of_unknown(plan, outputs)


def _warn_of_unknown(plan: Plan, outputs: BlockAssociations) -> None:
    """Tell of what is written nowhere; RIOS lets it pass, and some scripts may live by that."""
    known = vars(plan.outfiles)
    for name, entry in vars(outputs).items():
        if name not in known:
            logger.warning(
                "The user function set outputs.%s, which is not in outfiles, and is written "
                "nowhere; the outputs are %s",
                name,
                ", ".join(known) or "none",
            )
        elif isinstance(known[name], list) and len(entry) > len(known[name]):
            logger.warning(
                "The user function gave outputs.%s %d arrays; outfiles has %d files for it, and "
                "the others are written nowhere",
                name,
                len(entry),
                len(known[name]),
            )


def _with_margin(margin: int) -> str:
    if not margin:
        return ""
    return f" with its margin of {margin} pixel{'' if margin == 1 else 's'}"


def _entry(
    plan: Plan, block: ApplierBlockDefn, outputs: BlockAssociations, key: tuple[str, int | None]
) -> Any:
    name, number = key
    entry = getattr(outputs, name, None)
    if number is not None:
        entries = _list_of(plan, block, outputs, name)
        entry = entries[number] if number < len(entries) else None
    if entry is None:
        raise rioserrors.KeysMismatch(
            f"The user function left no array for output '{label_of(key)}' at "
            f"{plan.describe(block)} (compute stage){_unknown(plan, outputs)}; set "
            f"outputs.{label_of(key)} in every call"
        )
    return entry


def _list_of(
    plan: Plan, block: ApplierBlockDefn, outputs: BlockAssociations, name: str
) -> Sequence[Any]:
    """Return the arrays of an output that has several files; of a stack of them, each by itself."""
    entry = getattr(outputs, name, None)
    if isinstance(entry, list | tuple):
        return entry
    if entry is None:
        return ()
    if not isinstance(entry, np.ndarray) or entry.ndim != 4:
        shape = f" of shape {entry.shape}" if isinstance(entry, np.ndarray) else ""
        raise rioserrors.TypeConversionError(
            f"Output '{name}' at {plan.describe(block)} is a {type(entry).__name__}{shape}, and "
            f"outfiles has {len(getattr(plan.outfiles, name))} files for it: a list of as many "
            "arrays is needed, or all of them in one array of (files, bands, rows, columns)"
        )
    arrays = list(entry)
    setattr(outputs, name, arrays)
    return arrays


def _unknown(plan: Plan, outputs: BlockAssociations) -> str:
    """Name what the user function set and nobody asked for: a misspelt output, maybe."""
    names = [repr(name) for name in vars(outputs) if name not in vars(plan.outfiles)]
    if not names:
        return ""
    verb = "is" if len(names) == 1 else "are"
    return f"; it set {', '.join(names)}, which {verb} not in outfiles"


def _report(
    plan: Plan, function: UserFunction, block: ApplierBlockDefn, error: BaseException, hint: str
) -> str:
    what = f"{type(error).__name__}: {text_of(error)}{hint}"
    making = ", ".join(f"'{target.path}'" for target in plan.targets[:3])
    return (
        f"User function '{name_of(function)}' failed at {plan.describe(block)} (compute stage"
        f"{', for output ' + making if making else ''}): {what}"
    )
