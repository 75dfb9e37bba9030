"""What each block took: the slowest of each stage, and a table of all."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reports.markdown import table
from rios_flows.reports.records import STAGES, BlockRecord, RunInfo, Stage

#: Blocks of each stage that are named, and blocks that a picture marks.
SLOWEST = 10
#: Rows of a table of blocks; this many take about 300 kB.
MOST_ROWS = 1_000
#: A block is marked if it takes more than so many times the median.
_FAR = 3.0


class SlowBlock(NamedTuple):
    """What one block took at one stage, all attempts together."""

    row: int
    column: int
    seconds: float
    ratio: float  # to the median of this stage
    lane: str  # of the longest attempt
    worker: str  # where that was: a process
    host: str


def slowest_blocks(
    records: Sequence[BlockRecord], info: RunInfo, count: int = SLOWEST
) -> dict[Stage, list[SlowBlock]]:
    """Return the slowest blocks of each stage that the records mention, the slowest first."""
    spent: dict[Stage, dict[ApplierBlockDefn, float]] = {stage: {} for stage in STAGES}
    for record in records:
        of_stage = spent[record.stage]
        of_stage[record.block] = of_stage.get(record.block, 0.0) + record.end - record.start
    chosen = {stage: _largest(count, blocks) for stage, blocks in spent.items() if blocks}
    longest = _longest(records, {(stage, each) for stage in chosen for each in chosen[stage]})
    found: dict[Stage, list[SlowBlock]] = {}
    for stage, blocks in chosen.items():
        usual = median(spent[stage].values())
        for block in blocks:
            where, took = longest[stage, block], spent[stage][block]
            host, _, worker = where.worker.rpartition(":")
            ratio = took / usual if usual > 0 else 1.0
            told = SlowBlock(*info.blocks.position(block), took, ratio, where.lane, worker, host)
            found.setdefault(stage, []).append(told)
    return found


def _largest(count: int, seconds: dict[ApplierBlockDefn, float]) -> list[ApplierBlockDefn]:
    return nlargest(count, seconds, key=lambda block: seconds[block])


def _longest(
    records: Sequence[BlockRecord], wanted: set[tuple[Stage, ApplierBlockDefn]]
) -> dict[tuple[Stage, ApplierBlockDefn], BlockRecord]:
    """Find the longest attempt at some stages of some blocks: to keep all would take memory."""
    found: dict[tuple[Stage, ApplierBlockDefn], BlockRecord] = {}
    for record in records:
        place = (record.stage, record.block)
        if place in wanted:
            known = found.get(place)
            if known is None or record.end - record.start > known.end - known.start:
                found[place] = record
    return found


def slowest_markdown(records: Sequence[BlockRecord], info: RunInfo) -> str:
    """Write a table of the slowest blocks for each stage; empty without records."""
    parts = []
    head = ("Row", "Column", "Seconds", "Times the median", "Lane", "Process", "Host")
    for stage, blocks in slowest_blocks(records, info).items():
        rows = [
            (
                f"{each.row}",
                f"{each.column}",
                f"{each.seconds:.3f}",
                f"{each.ratio:.1f}",
                each.lane,
                each.worker,
                each.host,
            )
            for each in blocks
        ]
        parts.append(f"### Slowest blocks: {stage}\n\n{table(head, rows, 'rrrrlll')}")
    return "\n\n".join(parts)


def outliers(spent: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return where blocks took far longer than most, the slowest first, at most ten.

    Parameters
    ----------
    spent : array, shape ``(yblocks, xblocks)``
        Seconds; NaN where nothing was done.
    """
    seen = spent[np.isfinite(spent)]
    if not seen.size:
        return []
    limit = _FAR * float(np.median(seen))
    order = np.argsort(np.where(np.isfinite(spent), spent, -1.0), axis=None)[::-1][:SLOWEST]
    found = [divmod(int(place), spent.shape[1]) for place in order]
    return [where for where in found if spent[where] > limit > 0]


def block_table(
    records: Sequence[BlockRecord], info: RunInfo, limit: int = MOST_ROWS
) -> list[dict[str, Any]]:
    """Make a row for each block, or for the ``limit`` slowest; the slowest first."""
    spent: dict[ApplierBlockDefn, float] = {}
    for record in records:
        spent[record.block] = spent.get(record.block, 0.0) + record.end - record.start
    chosen: dict[ApplierBlockDefn, list[BlockRecord]] = {
        block: [] for block in _largest(limit, spent)
    }
    for record in records:
        if record.block in chosen:
            chosen[record.block].append(record)
    return [_block_row(block, attempts, info) for block, attempts in chosen.items()]


def _block_row(
    block: ApplierBlockDefn, records: Sequence[BlockRecord], info: RunInfo
) -> dict[str, Any]:
    # what people look for comes first: pages show as many columns as fit
    row, col = info.blocks.position(block)
    stage_ms = dict.fromkeys(STAGES, 0.0)
    for record in records:
        stage_ms[record.stage] += (record.end - record.start) * 1e3
    workers = dict.fromkeys(record.worker for record in records)
    hosts = dict.fromkeys(worker.rpartition(":")[0] for worker in workers)
    return {
        "row": row,
        "column": col,
        "total (ms)": round(sum(stage_ms.values()), 2),
        "lanes": ", ".join(dict.fromkeys(record.lane for record in records)),
        "hosts": ", ".join(hosts),
        **{f"{stage} (ms)": round(value, 2) for stage, value in stage_ms.items()},
        "attempts": max(record.attempt for record in records),
        "error": next((record.error for record in reversed(records) if record.error), ""),
        "top": block.top,
        "left": block.left,
        "height": block.nrows,
        "width": block.ncols,
        "workers": ", ".join(workers),
    }
