"""``apply()`` and its companions, under the names that RIOS's users know.

Importing this module imports no Prefect; :func:`apply` does when it is called.
"""

from __future__ import annotations

from typing import Any

from rios_flows import rioserrors
from rios_flows.basics import forks
from rios_flows.basics.streams import usable
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.basics.timing import Timers
from rios_flows.basics.tracebacks import shortened
from rios_flows.basics.types import UserFunction
from rios_flows.controls.associations import (
    BlockAssociations,
    FilenameAssociations,
    FilenameAssocIterator,
    OtherInputs,
)
from rios_flows.controls.concurrency import (
    CW_AWSBATCH,
    CW_ECS,
    CW_NONE,
    CW_PBS,
    CW_SLURM,
    CW_SUBPROC,
    CW_THREADS,
    ConcurrencyStyle,
)
from rios_flows.controls.const import (
    BOUNDS_FROM_REFERENCE,
    DEFAULT_AUTOCOLORTABLETYPE,
    DEFAULT_MINOVERVIEWDIM,
    DEFAULT_OVERVIEWAGGREGRATIONTYPE,
    DEFAULT_OVERVIEWLEVELS,
    DEFAULT_RESAMPLEMETHOD,
    DEFAULTCREATIONOPTIONS,
    DEFAULTDRIVERNAME,
    DEFAULTFOOTPRINT,
    DEFAULTLOGGINGSTREAM,
    DEFAULTOVERLAP,
    DEFAULTWINDOWXSIZE,
    DEFAULTWINDOWYSIZE,
    INTERSECTION,
    UNION,
    dfltDriverOptions,
)
from rios_flows.controls.controls import ApplierControls
from rios_flows.files.info import ImageInfo, VectorFileInfo
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.geometry.pixelgriddefn import PixelGridDefn, findCommonRegion, pixelGridFromFile
from rios_flows.inputs.rasterizationmgr import RasterizationMgr
from rios_flows.reports.results import ApplierReturn, SinglePassManager, WorkerErrorRecord
from rios_flows.runs.blockinfo import ReaderInfo
from rios_flows.runs.buffers import BlockBuffer

__all__ = [
    "BOUNDS_FROM_REFERENCE",
    "CW_AWSBATCH",
    "CW_ECS",
    "CW_NONE",
    "CW_PBS",
    "CW_SLURM",
    "CW_SUBPROC",
    "CW_THREADS",
    "DEFAULTCREATIONOPTIONS",
    "DEFAULTDRIVERNAME",
    "DEFAULTFOOTPRINT",
    "DEFAULTLOGGINGSTREAM",
    "DEFAULTOVERLAP",
    "DEFAULTWINDOWXSIZE",
    "DEFAULTWINDOWYSIZE",
    "DEFAULT_AUTOCOLORTABLETYPE",
    "DEFAULT_MINOVERVIEWDIM",
    "DEFAULT_OVERVIEWAGGREGRATIONTYPE",
    "DEFAULT_OVERVIEWLEVELS",
    "DEFAULT_RESAMPLEMETHOD",
    "INTERSECTION",
    "UNION",
    "ApplierBlockDefn",
    "ApplierControls",
    "ApplierReturn",
    "BlockAssociations",
    "BlockBuffer",
    "ConcurrencyStyle",
    "FilenameAssocIterator",
    "FilenameAssociations",
    "ImageInfo",
    "OtherInputs",
    "PixelGridDefn",
    "RasterizationMgr",
    "ReaderInfo",
    "SinglePassManager",
    "TempfileManager",
    "Timers",
    "VectorFileInfo",
    "WorkerErrorRecord",
    "apply",
    "dfltDriverOptions",
    "findCommonRegion",
    "pixelGridFromFile",
    "rioserrors",
]


def apply(
    userFunction: UserFunction,
    infiles: FilenameAssociations,
    outfiles: FilenameAssociations,
    otherArgs: Any = None,
    controls: ApplierControls | None = None,
) -> ApplierReturn:
    """Apply a function block by block over rasters, as a Prefect flow.

    The flow run has one task run for each lane of the work, and is named after the job or the
    function. Inside another flow it is a subflow. If no Prefect API is configured, a temporary
    server runs while this process lives.

    Parameters
    ----------
    userFunction : callable
        Called for each block as ``f(info, inputs, outputs)``, or ``f(info, inputs, outputs,
        otherArgs)`` if ``otherArgs`` is not None; more at :func:`rios_flows.engine.apply`. The
        arrays have shape ``(bands, rows, cols)``, margin included.
    infiles, outfiles : FilenameAssociations
        Each attribute is a file name or a list of them.
    otherArgs : object, optional
        Anything else that the function needs or gathers; it never reaches Prefect's database.
    controls : ApplierControls, optional
        Window, overlap, resampling, drivers, concurrency and so on; None for the defaults.

    Returns
    -------
    ApplierReturn
        Timings, copies of ``otherArgs``, working grid, and a record of every block and stage.

    Raises
    ------
    RiosError
        The first error. Every output is then as it was before, and the flow run has failed with
        the same message. Only if publishing itself failed, some outputs in S3 may be new.
    """
    with forks.working(), usable():
        # here and not at the top: the engine and all below it are not needed before
        from rios_flows.orchestration.entry import run_as_flow

        try:
            return run_as_flow(userFunction, infiles, outfiles, otherArgs, controls)
        except rioserrors.RiosError as error:
            raise shortened(error) from error.__cause__
