"""The data structures under the names by which RIOS's users import them."""

from __future__ import annotations

from rios_flows import rioserrors
from rios_flows.associations import (
    BlockAssociations,
    FilenameAssociations,
    FilenameAssocIterator,
    OtherInputs,
)
from rios_flows.buffers import BlockBuffer, BlockBufferValue
from rios_flows.concurrency import (
    CW_AWSBATCH,
    CW_ECS,
    CW_NONE,
    CW_PBS,
    CW_SLURM,
    CW_SUBPROC,
    CW_THREADS,
    ConcurrencyStyle,
)
from rios_flows.grid import ApplierBlockDefn
from rios_flows.inputs.rasterize import RasterizationMgr
from rios_flows.results import ApplierReturn, WorkerErrorRecord
from rios_flows.tempfiles import TempfileManager
from rios_flows.timing import Timers

__all__ = [
    "CW_AWSBATCH",
    "CW_ECS",
    "CW_NONE",
    "CW_PBS",
    "CW_SLURM",
    "CW_SUBPROC",
    "CW_THREADS",
    "ApplierBlockDefn",
    "ApplierReturn",
    "BlockAssociations",
    "BlockBuffer",
    "BlockBufferValue",
    "ConcurrencyStyle",
    "FilenameAssocIterator",
    "FilenameAssociations",
    "OtherInputs",
    "RasterizationMgr",
    "TempfileManager",
    "Timers",
    "WorkerErrorRecord",
    "rioserrors",
]
