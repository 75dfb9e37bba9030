"""A function applied to attribute tables, block by block of rows."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.basics.naming import name_of
from rios_flows.files.attributes import Table
from rios_flows.tables.arguments import check_arguments, check_once, file_of, tell_empty
from rios_flows.tables.blocks import (
    InputColumns,
    OutputColumns,
    RatApplierState,
    RatAssociations,
    RatBlockAssociation,
)
from rios_flows.tables.controls import (
    RCM_EQUALS_INPUT,
    RCM_FIXED,
    RCM_INCREMENT,
    RatApplierControls,
)
from rios_flows.tables.direct import Direct
from rios_flows.tables.progress import Progress, Show
from rios_flows.tables.spool import Spool, tell_short

Output = Spool | Direct

logger = logging.getLogger(__name__)


def run(
    function: Callable[..., Any],
    inRats: RatAssociations,
    outRats: RatAssociations,
    otherargs: Any,
    controls: RatApplierControls,
    shows: Sequence[Show] = (),
) -> None:
    """Apply a function to tables, and show the progress."""
    check_arguments(function, inRats=inRats, outRats=outRats)
    more = () if otherargs is None else (otherargs,)
    _keep_freed_memory()
    with ExitStack() as stack:
        with ExitStack() as inputs:
            tables = {
                name: inputs.enter_context(handle.reading())
                for name, handle in vars(inRats).items()
            }
            rows = _row_count(tables, controls)
            tell_empty(rows, tables)
            spools = _outputs(outRats, rows, controls)
            for spool in spools:
                stack.enter_context(spool)
            progress = Progress(name_of(function), "rows", rows, [*shows, *controls.shows])
            for state in _states(rows, controls.blockLen):
                progress.show(state.startrow)
                _call(function, state, tables, spools, more, controls)
            progress.show(rows)
        _pour(spools, rows, controls)


def _keep_freed_memory() -> None:
    """Have the C library use the memory of one block for the next.

    glibc gives freed memory back to the system if it is more than twice as much as the largest
    piece freed so far, and getting it again takes longer than to compute.
    """
    np.empty(16 * 2**20, np.uint8)


def _outputs(outRats: RatAssociations, rows: int, controls: RatApplierControls) -> list[Output]:
    handles = vars(outRats)
    if controls.rowCountMethod == RCM_INCREMENT:
        # how many rows there will be is known at the end only
        return [Spool(*item) for item in handles.items()]
    length = _length(rows, controls)
    if not controls.writeAtOnce:
        return [Spool(*item, length) for item in handles.items()]
    files = Counter(map(file_of, handles.values()))
    return [
        # a file is changed by one at a time
        Spool(name, handle, length) if files[file_of(handle)] > 1 else Direct(name, handle, length)
        for name, handle in handles.items()
    ]


def _row_count(tables: dict[str, Table], controls: RatApplierControls) -> int:
    counts = {f"'{name}' ({table.place})": table.rows for name, table in tables.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} has {rows}" for name, rows in counts.items())
        raise rioserrors.RatMismatchError(f"The input tables differ in number of rows: {told}")
    if counts:
        return next(iter(counts.values()))
    if controls.rowCount is None:
        raise rioserrors.ParameterError(
            "ratapplier.apply: there is no input; call controls.setRowCount to tell how many rows "
            "there are"
        )
    return controls.rowCount


def _states(rows: int, length: int) -> Iterator[RatApplierState]:
    for number, start in enumerate(range(0, rows, length)):
        yield RatApplierState(number, start, min(length, rows - start), rows)


def _call(
    function: Callable[..., Any],
    state: RatApplierState,
    tables: dict[str, Table],
    spools: Sequence[Output],
    more: tuple[Any, ...],
    controls: RatApplierControls,
) -> None:
    inputs = {
        name: InputColumns(table, state, controls.useStringDType) for name, table in tables.items()
    }
    outputs = {spool.name: OutputColumns(spool.usages) for spool in spools}
    try:
        function(state, RatBlockAssociation(**inputs), RatBlockAssociation(**outputs), *more)
        for spool in spools:
            spool.add(outputs[spool.name])
    except BaseException as error:
        changed = " ".join(spool.changed for spool in spools if spool.changed)
        error.add_note(
            f"In rows {state.startrow} to {state.startrow + state.blockLen - 1}, which the "
            f"function '{name_of(function)}' was given. {changed or 'No table has changed.'}"
        )
        raise


def _pour(spools: Sequence[Output], rows: int, controls: RatApplierControls) -> None:
    """Write all outputs, after all is known about their length."""
    wanted = {spool.name: _rows_of(spool, rows, controls) for spool in spools}
    done: list[str] = []
    try:
        check_once(spools)
        for spool in spools:
            spool.check()
            if controls.rowCountMethod == RCM_EQUALS_INPUT:
                tell_short(spool.name, spool.rows, rows)
        for spool in spools:
            spool.pour(wanted[spool.name])
            done.append(f"'{spool.name}'")
            logger.info("Attribute table of %r: %d rows written", spool.handle, spool.rows)
    except BaseException as error:
        rest = [spool.changed for spool in spools[len(done) :] if spool.changed]
        error.add_note(" ".join([f"Tables that are new: {', '.join(done) or 'none'}.", *rest]))
        raise


def _rows_of(spool: Output, rows: int, controls: RatApplierControls) -> int:
    if controls.rowCountMethod == RCM_INCREMENT:
        return spool.rows
    return _length(rows, controls)


def _length(rows: int, controls: RatApplierControls) -> int:
    if controls.rowCountMethod == RCM_FIXED and controls.totalsize is not None:
        return controls.totalsize
    return rows
