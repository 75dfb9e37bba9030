"""Attribute tables copied from file to file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from rios_flows import rioserrors
from rios_flows.files.tables import changing_table, reading_table
from rios_flows.tables.controls import RatApplierControls


def copyRAT(
    infile: str, outfile: str, progress: Any = None, omitColumns: Sequence[str] = ()
) -> None:
    """Copy the columns of the first band's attribute table into that of another file.

    Columns of the other file that have other names stay, and no table gets shorter.

    Parameters
    ----------
    infile, outfile : str
        The rasters.
    progress : optional
        What shows the progress, such as ``cuiprogress.CUIProgressBar()``.
    omitColumns : sequence of str
        Names of columns that are left out.

    Raises
    ------
    ParameterError
        If both are the same file.
    AttributeTableTypeError
        If a column that is there cannot hold the values unchanged.
    ImageOpenError, ImageWriteError
        If a file cannot be opened or written.
    """
    if os.path.realpath(infile) == os.path.realpath(outfile):
        raise rioserrors.ParameterError(f"copyRAT: '{infile}' and '{outfile}' are one file")
    controls = RatApplierControls()
    if progress is not None:
        controls.setProgress(progress)
    with reading_table(infile) as old, changing_table(outfile) as new:
        wanted = [column for column in old.columns if column.name not in omitColumns]
        if wanted:
            # no format keeps rows without a column
            new.set_rows(max(old.rows, new.rows, new.least_rows))
        for number, column in enumerate(wanted):
            if controls.progress is not None:
                controls.progress.setProgress(100 * number // len(wanted))
            made = new.need(column)
            for start in range(0, old.rows, controls.blockLen):
                rows = min(controls.blockLen, old.rows - start)
                new.write(made.name, old.read(column.name, start, rows), start)
        if controls.progress is not None:
            controls.progress.setProgress(100)
