"""Records of runs that never were."""

from __future__ import annotations

from rios_flows.geometry.grid import BlockGrid
from rios_flows.reports.records import BlockRecord, RunInfo, Stage

LANES = ("read-0", "compute-0", "write")
SECONDS: dict[Stage, float] = {"read": 0.01, "compute": 0.04, "write": 0.02}


def make_info(grid: BlockGrid, lanes: tuple[str, ...] = LANES, name: str = "ndvi") -> RunInfo:
    return RunInfo(name, grid, lanes)


def make_records(grid: BlockGrid, lanes: tuple[str, ...] = LANES) -> list[BlockRecord]:
    """A run in which each stage of block n starts at n times the slowest stage."""
    records = []
    for number, block in enumerate(grid):
        start = number * 0.05
        for (stage, seconds), lane in zip(SECONDS.items(), lanes, strict=True):
            nbytes = block.nrows * block.ncols * 2
            records.append(
                BlockRecord(
                    block, stage, stage + "r", lane, "host:1", 1, start, start + seconds, nbytes
                )
            )
    return records


def failing(record: BlockRecord, error: str = "RasterioIOError: no | tile") -> list[BlockRecord]:
    """The attempt fails, and a second one, just after, does not."""
    later = record.end + (record.end - record.start)
    return [
        record._replace(nbytes=0, error=error),
        record._replace(attempt=2, start=record.end, end=later),
    ]
