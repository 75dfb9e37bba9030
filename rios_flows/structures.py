"""The data structures under the names that RIOS's users import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rios_flows import rioserrors
from rios_flows.basics.gone import instead_of
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.basics.timing import Timers
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
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.inputs.rasterizationmgr import RasterizationMgr
from rios_flows.reports.results import ApplierReturn, WorkerErrorRecord
from rios_flows.runs.buffers import BlockBuffer, BlockBufferValue
from rios_flows.workers.network.channel import NetworkDataChannel

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
    "NetworkDataChannel",
    "OtherInputs",
    "RasterizationMgr",
    "TempfileManager",
    "Timers",
    "WorkerErrorRecord",
    "rioserrors",
]

if not TYPE_CHECKING:
    __getattr__ = instead_of(__name__)
