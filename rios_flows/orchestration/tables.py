"""Functions over attribute tables, shown in Prefect where they are called by a flow or a task.

Importing this module imports no Prefect, and calling it does so only inside a flow or task.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from typing import Any

from rios_flows import rioserrors
from rios_flows.basics.naming import name_of
from rios_flows.tables import applying, copying
from rios_flows.tables.blocks import RatAssociations
from rios_flows.tables.controls import RatApplierControls
from rios_flows.tables.handles import AnyHandle
from rios_flows.tables.progress import Show


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
    written waits: until the function has seen all rows, no table changes.

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
    with _shown(name_of(userFunc)) as shows:
        applying.run(userFunc, inRats, outRats, otherargs, controls, shows)


def copyRAT(
    infile: AnyHandle | str | PathLike[str],
    outfile: AnyHandle | str | PathLike[str],
    progress: Any = None,
    omitColumns: Sequence[str] = (),
) -> None:
    """Copy the columns of an attribute table into another one.

    Columns of the other table that have other names stay, and no table gets shorter.

    Parameters
    ----------
    infile, outfile : str, RatHandle or RatZarrHandle
        The tables; of a raster by its name, the first band's.
    progress : optional
        What shows the progress, such as ``cuiprogress.CUIProgressBar()``.
    omitColumns : sequence of str
        Names of columns that are left out.

    Raises
    ------
    ParameterError
        If both are the same.
    AttributeTableTypeError
        If a column that is there cannot hold the values unchanged.
    ImageOpenError, ImageWriteError
        If a file cannot be opened or written.
    """
    with _shown("copyRAT") as shows:
        copying.copy_table(infile, outfile, progress, omitColumns, shows)


def _shown(name: str) -> AbstractContextManager[Sequence[Show]]:
    """Give what shows the progress in Prefect, if this is part of a flow or task."""
    # a flow cannot run without this
    if "prefect.context" not in sys.modules:
        return nullcontext(())
    from rios_flows.orchestration.table_display import shown_in_prefect

    return shown_in_prefect(name)
