"""RIOS's names of the compute workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rios_flows import rioserrors
from rios_flows.basics.gone import instead_of
from rios_flows.basics.timing import Timers
from rios_flows.controls.associations import BlockAssociations
from rios_flows.controls.concurrency import (
    CW_AWSBATCH,
    CW_ECS,
    CW_NONE,
    CW_PBS,
    CW_SLURM,
    CW_SUBPROC,
    CW_THREADS,
)
from rios_flows.reports.results import WorkerErrorRecord
from rios_flows.workers.launchers.ecsparams import ECSComputeWorkerMgr
from rios_flows.workers.network.channel import NetworkDataChannel

__all__ = [
    "CW_AWSBATCH",
    "CW_ECS",
    "CW_NONE",
    "CW_PBS",
    "CW_SLURM",
    "CW_SUBPROC",
    "CW_THREADS",
    "BlockAssociations",
    "ECSComputeWorkerMgr",
    "NetworkDataChannel",
    "Timers",
    "WorkerErrorRecord",
    "rioserrors",
]

if not TYPE_CHECKING:
    __getattr__ = instead_of(__name__)
