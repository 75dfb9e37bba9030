"""The engine's records, one for each block and stage, and their listeners."""

from rios_flows.reports.records import (
    STAGES,
    Attempt,
    BlockRecord,
    BlockRecords,
    Listener,
    RunInfo,
    Stage,
    Step,
)

__all__ = [
    "STAGES",
    "Attempt",
    "BlockRecord",
    "BlockRecords",
    "Listener",
    "RunInfo",
    "Stage",
    "Step",
]
