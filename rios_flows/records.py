"""What the engine tells of its work: one record per block and stage, and who may listen."""

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
