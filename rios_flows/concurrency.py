"""How many workers of which kind a run gets, in RIOS's words."""

from rios_flows.controls.concurrency import (
    CW_AWSBATCH,
    CW_ECS,
    CW_NONE,
    CW_PBS,
    CW_SLURM,
    CW_SUBPROC,
    CW_THREADS,
    MOST_WORKERS,
    READS_BY_DEFAULT,
    ConcurrencyStyle,
    Timeouts,
)

__all__ = [
    "CW_AWSBATCH",
    "CW_ECS",
    "CW_NONE",
    "CW_PBS",
    "CW_SLURM",
    "CW_SUBPROC",
    "CW_THREADS",
    "MOST_WORKERS",
    "READS_BY_DEFAULT",
    "ConcurrencyStyle",
    "Timeouts",
]
