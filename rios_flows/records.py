"""The engine's records, one for each block and stage, and their listeners."""

from rios_flows.reports.records import (
    STAGES,
    BlockRecord,
    BlockRecords,
    Listener,
    RunInfo,
    Stage,
    Work,
)

__all__ = [
    "STAGES",
    "BlockRecord",
    "BlockRecords",
    "Listener",
    "RunInfo",
    "Stage",
    "Work",
]
