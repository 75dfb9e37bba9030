"""A run's records in words and tables: markdown, no pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from rios_flows.basics.errortext import (
    interruption_of,
    is_interruption,
    outputs_after,
    summary_of,
    traceback_of,
)
from rios_flows.basics.timing import Timers, TimingSummary
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reports.amounts import counted, scaled
from rios_flows.reports.blocktimes import slowest_markdown
from rios_flows.reports.markdown import cell, fenced, table
from rios_flows.reports.records import STAGES, BlockRecord, RunInfo, Stage

_SHOWN_FAILURES = 10
_SHOWN_LANES = 64
_BUSY = 0.75

_REMEDY: dict[Stage, str] = {
    "read": "more read workers, larger blocks or inputs whose tiles fit the blocks help",
    "compute": "more compute workers or a faster user function help",
    "write": "cheaper compression, larger blocks or a faster disk help; more workers do not",
}


class StageSummary(NamedTuple):
    """All attempts at one stage, over all blocks."""

    stage: Stage
    blocks: int
    total: float  # s
    median: float  # of a block (s)
    slowest: float  # of a block (s)
    slowest_block: ApplierBlockDefn
    busy: float  # share of the run in which the lanes of this stage were at work, 0 to 1
    retries: int
    errors: int


def last_end(records: Sequence[BlockRecord]) -> float:
    """End of the last record (s from the start of the run); 0 without records."""
    return max((record.end for record in records), default=0.0)


def summarise_stages(records: Sequence[BlockRecord]) -> list[StageSummary]:
    """Sum up each stage that the records mention, in the order read, compute, write."""
    by_stage: dict[Stage, list[BlockRecord]] = defaultdict(list)
    for record in records:
        by_stage[record.stage].append(record)
    span = last_end(records)
    return [_summarise(stage, by_stage[stage], span) for stage in STAGES if stage in by_stage]


def _summarise(stage: Stage, records: Sequence[BlockRecord], span: float) -> StageSummary:
    spent: dict[ApplierBlockDefn, float] = defaultdict(float)
    for record in records:
        spent[record.block] += record.end - record.start
    slowest_block = max(spent, key=lambda block: spent[block])
    total = sum(spent.values())
    lanes = {record.lane for record in records}
    return StageSummary(
        stage=stage,
        blocks=len(spent),
        total=total,
        median=median(spent.values()),
        slowest=spent[slowest_block],
        slowest_block=slowest_block,
        busy=min(1.0, total / (span * len(lanes))) if span > 0 else 0.0,
        retries=sum(record.attempt > 1 for record in records),
        errors=sum(bool(record.error) for record in records),
    )


def bottleneck_hint(records: Sequence[BlockRecord]) -> str:
    """Say in one sentence which stage the run waits for, and what would help."""
    stages = summarise_stages(records)
    if not stages:
        return "No block was worked on."
    if len({record.block for record in records}) == 1:
        return "There is one block, so nothing ran in parallel; smaller blocks would allow it."
    worst = max(stages, key=lambda summary: summary.busy)
    if len({record.lane for record in records}) == 1:
        share = worst.total / max(sum(summary.total for summary in stages), 1e-9)
        return (
            f"One lane did everything; {share:.0%} of its work was the {worst.stage} stage. "
            "Read workers let reading go on while a block is computed and written."
        )
    if worst.busy < _BUSY:
        return (
            f"No stage holds the others up: the busiest, {worst.stage}, was at work "
            f"{worst.busy:.0%} of the time. Larger blocks mean fewer hand-overs."
        )
    return (
        f"The {worst.stage} stage sets the pace (its lanes were at work {worst.busy:.0%} of the "
        f"time): {_REMEDY[worst.stage]}."
    )


def summary_markdown(
    timings: Timers,
    records: Sequence[BlockRecord],
    info: RunInfo,
    error: BaseException | None = None,
) -> str:
    """Write a run's summary as markdown: totals, stages, lanes, other timers, failed attempts."""
    # they are looked at many times, and may be made anew each time
    records = list(records)
    timers = timings.makeSummaryDict()
    # a run that failed has no wall time
    wall = timers["walltime"]["tot"] if "walltime" in timers else last_end(records)
    title, total = cell(info.name), counted(len(info.blocks), "block")
    if error is None:
        head = f"## {title}: {total} in {wall:.1f} s", f"**{bottleneck_hint(records)}**"
    else:
        cancelled = is_interruption(error)
        how = interruption_of(error) if cancelled else "failed"
        said = outputs_after(error) if cancelled else summary_of(error)
        head = f"## {title} {how} after {wall:.1f} s, of {total}", f"**{cell(said)}**"
    parts = [
        *head,
        _totals(records, info, wall),
        _stage_table(records, info),
        slowest_markdown(records, info),
        _lane_table(records, info),
        _cost_table(info),
        _timer_table(timers),
        _failures(records, info),
        _traceback(error),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _totals(records: Sequence[BlockRecord], info: RunInfo, wall: float) -> str:
    # a failed write does not count as a written block
    written = {record.block for record in records if record.stage == "write" and not record.error}
    pixels = sum(block.nrows * block.ncols for block in written)
    moved = {
        stage: sum(r.nbytes for r in records if r.stage == stage and not r.error)
        for stage in ("read", "write")
    }
    seconds = max(wall, 1e-9)
    retries = sum(record.attempt > 1 for record in records)
    errors = sum(bool(record.error) for record in records)
    width, height = info.blocks.window
    size = f"{info.blocks.xblocks} x {info.blocks.yblocks}, up to {width} x {height} pixels each"
    rows = [
        ("Wall time", f"{wall:.1f} s"),
        ("Blocks written", f"{len(written):,} of {len(info.blocks):,} ({size})"),
        ("Blocks per second", f"{len(written) / seconds:,.1f}"),
        ("Pixels per second", scaled(pixels / seconds, "pixels")),
        ("Read", f"{scaled(moved['read'], 'B')}, {scaled(moved['read'] / seconds, 'B')}/s"),
        ("Written", f"{scaled(moved['write'], 'B')}, {scaled(moved['write'] / seconds, 'B')}/s"),
        ("Attempts after a failure", f"{retries:,}"),
        ("Failed attempts", f"{errors:,}"),
    ]
    return table(("Run", ""), rows, "lr")


def _stage_table(records: Sequence[BlockRecord], info: RunInfo) -> str:
    rows = []
    for summary in summarise_stages(records):
        row, col = info.blocks.position(summary.slowest_block)
        rows.append(
            (
                summary.stage,
                f"{summary.blocks:,}",
                f"{summary.total:.2f}",
                f"{summary.busy:.0%}",
                f"{summary.median * 1e3:.1f}",
                f"{summary.slowest * 1e3:.1f}",
                f"row {row}, column {col}",
                f"{summary.retries:,}",
                f"{summary.errors:,}",
            )
        )
    if not rows:
        return ""
    head = (
        "Stage", "Blocks", "Total (s)", "Lanes busy", "Median (ms)", "Slowest (ms)",
        "Slowest block", "Tried again", "Failed",
    )  # fmt: skip
    return "### Stages\n\n" + table(head, rows, "lrrrrrlrr")


def _lane_table(records: Sequence[BlockRecord], info: RunInfo) -> str:
    busy: dict[str, float] = dict.fromkeys(info.lanes, 0.0)
    blocks: dict[str, set[ApplierBlockDefn]] = defaultdict(set)
    for record in records:
        busy[record.lane] = busy.get(record.lane, 0.0) + record.end - record.start
        blocks[record.lane].add(record.block)
    span = max(last_end(records), 1e-9)
    rows = [
        (lane, f"{len(blocks[lane]):,}", f"{seconds:.2f}", f"{min(1.0, seconds / span):.0%}")
        for lane, seconds in list(busy.items())[:_SHOWN_LANES]
    ]
    return "### Lanes\n\n" + table(("Lane", "Blocks", "Busy (s)", "Busy"), rows, "lrrr")


def _cost_table(info: RunInfo) -> str:
    cost = info.cost()
    return (
        ""
        if cost is None
        else "### Compute workers\n\n" + table(("Compute workers", ""), cost.rows(), "lr")
    )


def _timer_table(timers: dict[str, TimingSummary]) -> str:
    rows = [
        (name, f"{t['N']:,}", *(f"{t[key] * 1e3:,.2f}" for key in ("tot", "median", "max")))
        for name, t in timers.items()
        if name != "walltime"
    ]
    if not rows:
        return ""
    return "### Timers\n\n" + table(
        ("Timer", "N", "Total (ms)", "Median (ms)", "Longest (ms)"), rows, "lrrrr"
    )


def _failures(records: Sequence[BlockRecord], info: RunInfo) -> str:
    failed = [record for record in records if record.error]
    if not failed:
        return ""
    rows = []
    for record in failed[:_SHOWN_FAILURES]:
        row, col = info.blocks.position(record.block)
        where = f"row {row}, column {col}"
        rows.append((where, record.stage, record.name, f"{record.attempt}", record.error))
    text = "### Failed attempts\n\n" + table(
        ("Block", "Stage", "Of", "Attempt", "Error"), rows, "lllrl"
    )
    more = len(failed) - _SHOWN_FAILURES
    return f"{text}\n\n... and {more:,} more." if more > 0 else text


def _traceback(error: BaseException | None) -> str:
    if error is None or is_interruption(error):
        return ""
    lines = [traceback_of(error.__cause__ or error), *getattr(error, "__notes__", ())]
    return "### Traceback\n\n" + fenced("\n".join(lines))
