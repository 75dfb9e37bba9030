"""A function applied to attribute tables, block by block of rows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

from rios_flows import rioserrors
from rios_flows.files.attributes import Table
from rios_flows.files.tables import reading_table
from rios_flows.tables.blocks import (
    InputColumns,
    OutputColumns,
    RatApplierState,
    RatAssociations,
    RatBlockAssociation,
)
from rios_flows.tables.controls import RCM_FIXED, RCM_INCREMENT, RatApplierControls
from rios_flows.tables.spool import Spool

logger = logging.getLogger(__name__)


def apply(
    userFunc: Callable[..., Any],
    inRats: RatAssociations,
    outRats: RatAssociations,
    otherargs: Any = None,
    controls: RatApplierControls | None = None,
) -> None:
    """Apply a function to attribute tables, one block of rows after the other.

    The function is called as ``userFunc(info, inputs, outputs)``, and with ``otherargs`` behind
    these if they are given. ``inputs.x.area`` is a column of the block; it is read when it is asked
    for. Each array that is set, such as ``outputs.y.area``, is a column that is written. What is
    written waits in a temporary file: until the function has seen all rows, no table changes.

    Parameters
    ----------
    userFunc : function
        The function.
    inRats, outRats : RatAssociations
        The tables; one may be both, and the function then reads what was there before.
    otherargs : optional
        What else the function is given, and may change.
    controls : RatApplierControls, optional
        How to do it.

    Raises
    ------
    RatMismatchError
        If the inputs differ in number of rows, or more rows are written than an output gets.
    RatBlockLengthError
        If the columns of an output differ in length.
    AttributeTableColumnError
        If an input lacks a column, or the columns of an output differ from block to block.
    AttributeTableTypeError
        If a column cannot hold the values unchanged.
    ParameterError
        If it is not known how many rows there are.
    ImageWriteError
        If a table cannot be written; a note tells which ones are new.
    WrongControlsObject
        If ``controls`` is of another class.
    """
    controls = RatApplierControls() if controls is None else controls
    if not isinstance(controls, RatApplierControls):
        raise rioserrors.WrongControlsObject(
            f"ratapplier.apply: controls is {controls!r}; give a RatApplierControls"
        )
    more = () if otherargs is None else (otherargs,)
    with ExitStack() as stack:
        spools = [Spool(*item) for item in vars(outRats).items()]
        for spool in spools:
            stack.enter_context(closing(spool))
        with ExitStack() as inputs:
            tables = {
                name: inputs.enter_context(reading_table(handle.filename, handle.layernum))
                for name, handle in vars(inRats).items()
            }
            rows = _row_count(tables, controls)
            for state in _states(rows, controls):
                _call(userFunc, state, tables, spools, more, controls)
        _pour(spools, rows, controls)


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


def _states(rows: int, controls: RatApplierControls) -> Iterator[RatApplierState]:
    length = controls.blockLen
    for number, start in enumerate(range(0, rows, length)):
        _show(controls, 100 * start // rows)
        yield RatApplierState(number, start, min(length, rows - start), rows)
    _show(controls, 100)


def _show(controls: RatApplierControls, percent: int) -> None:
    if controls.progress is not None:
        controls.progress.setProgress(percent)


def _call(
    function: Callable[..., Any],
    state: RatApplierState,
    tables: dict[str, Table],
    spools: list[Spool],
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
    except Exception as error:
        error.add_note(
            f"In rows {state.startrow} to {state.startrow + state.blockLen - 1}, which the "
            f"function '{getattr(function, '__name__', function)}' was given. No table has changed."
        )
        raise


def _pour(spools: list[Spool], rows: int, controls: RatApplierControls) -> None:
    """Write all outputs, after all is known about their length."""
    wanted = {spool.name: _rows_of(spool, rows, controls) for spool in spools}
    done: list[str] = []
    for spool in spools:
        try:
            spool.pour(wanted[spool.name])
        except Exception as error:
            error.add_note(f"Tables that are new: {', '.join(done) or 'none'}")
            raise
        done.append(f"'{spool.name}'")
        logger.info("Attribute table of %r: %d rows written", spool.handle, spool.rows)


def _rows_of(spool: Spool, rows: int, controls: RatApplierControls) -> int:
    if controls.rowCountMethod == RCM_INCREMENT:
        return spool.rows
    if controls.rowCountMethod == RCM_FIXED and controls.totalsize is not None:
        rows = controls.totalsize
    if spool.rows > rows:
        raise rioserrors.RatMismatchError(
            f"Output '{spool.name}' was given {spool.rows} rows, and gets {rows}; call "
            "controls.outputRowCountHandling(ratapplier.RCM_INCREMENT) for as many as are written"
        )
    return rows
