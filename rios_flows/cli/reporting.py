"""Reports on runs whose records were kept: stages, slowest blocks, pictures; and two compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rios_flows.basics.timing import Timers
from rios_flows.reports.blocktimes import SlowBlock, slowest_blocks
from rios_flows.reports.markdown import cell
from rios_flows.reports.page import page
from rios_flows.reports.pictures import heatmap_png, timeline_png
from rios_flows.reports.recordfiles import KeptRun
from rios_flows.reports.records import STAGES
from rios_flows.reports.summary import StageSummary, summarise_stages, summary_markdown
from rios_flows.rioserrors import FileOpenError


def report(run: KeptRun) -> dict[str, Any]:
    """Return the figures of a run in words that JSON holds."""
    slowest = slowest_blocks(run.records, run.info)
    cost = run.info.cost()
    return {
        "name": run.info.name,
        **({"error": run.error} if run.error else {}),
        "seconds": run.seconds,
        "blocks": len(run.info.blocks),
        **({} if cost is None else {"workers": cost.words()}),
        "stages": [_stage(each, slowest[each.stage]) for each in summarise_stages(run.records)],
    }


def _stage(stage: StageSummary, slowest: Sequence[SlowBlock]) -> dict[str, Any]:
    return {
        "stage": stage.stage,
        "seconds": stage.total,
        "median": stage.median,
        "slowest": [each._asdict() for each in slowest],
        "retries": stage.retries,
        "errors": stage.errors,
    }


def text_of(run: KeptRun) -> str:
    """Write a report for people, as markdown."""
    failed = f"**The run failed: {cell(run.error)}**\n\n" if run.error else ""
    return failed + summary_markdown(Timers(), run.records, run.info)


def pictures(run: KeptRun) -> dict[str, bytes]:
    """Draw the lanes over time and the time over the raster, as PNGs by name."""
    records = list(run.records)
    if not records:
        # it failed before its first block
        return {}
    return {
        "timeline.png": timeline_png(records, run.info),
        "heatmap.png": heatmap_png(records, run.info),
    }


def save(run: KeptRun, target: str) -> list[Path]:
    """Write an HTML file with everything in it, or the pictures into a directory.

    Raises
    ------
    FileOpenError
        If they cannot be written there.
    """
    path = Path(target)
    if path.suffix.lower() in (".html", ".htm"):
        whole = page(run.info.name, text_of(run), pictures(run))
        parts = {path: whole.encode("utf-8")}
    else:
        parts = {path / name: png for name, png in pictures(run).items()}
    try:
        for part, content in parts.items():
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
    except OSError as error:
        raise FileOpenError(
            f"--to '{target}' cannot be written to: {error}; name a file that ends in .html, or a "
            "directory"
        ) from error
    return list(parts)


def text_of_files(made: Sequence[Path]) -> str:
    """Say which files were written."""
    if not made:
        return "no picture was written: the run has not finished a block"
    return "\n".join(f"wrote {path}" for path in made)


def compare(first: KeptRun, second: KeptRun) -> dict[str, Any]:
    """Return the time of two runs, whole and by stage, and how much longer the second took."""
    stages = [
        {each.stage: each for each in summarise_stages(run.records)} for run in (first, second)
    ]
    rows = [_pair("whole run", first.seconds, second.seconds)]
    for stage in STAGES:
        if any(stage in each for each in stages):
            total = [each[stage].total if stage in each else 0.0 for each in stages]
            middle = [each[stage].median if stage in each else 0.0 for each in stages]
            rows += [_pair(f"{stage}, all", *total), _pair(f"{stage}, median block", *middle)]
    blocks = [len(run.info.blocks) for run in (first, second)]
    return {"blocks": blocks, "times": rows}


def _pair(what: str, first: float, second: float) -> dict[str, Any]:
    ratio = second / first if first else None
    return {"what": what, "first": first, "second": second, "ratio": ratio}


def comparison_text(compared: dict[str, Any]) -> str:
    """Write a comparison for people."""
    lines = [f"{'':<24}{'first':>12}{'second':>12}{'ratio':>8}"]
    first, second = compared["blocks"]
    lines.append(f"{'blocks':<24}{first:>12,}{second:>12,}")
    for row in compared["times"]:
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
        lines.append(f"{row['what']:<24}{row['first']:>10.3f} s{row['second']:>10.3f} s{ratio:>8}")
    return "\n".join(lines)
