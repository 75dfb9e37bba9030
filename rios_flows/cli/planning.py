"""Says what a job would do: grid, blocks, memory, inputs and outputs."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from rios_flows import engine
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.geometry.crs import crs_name
from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.inputs.sources import RasterSource
from rios_flows.jobs.description import Call, Description
from rios_flows.jobs.job import Job
from rios_flows.jobs.plan import Plan
from rios_flows.outputs.targets import Target
from rios_flows.reports.amounts import scaled


def plan(job: tuple[Description, Call]) -> dict[str, Any]:
    """Plan a job, and return the plan in words that JSON holds; nothing is written."""
    return planned(engine.prepare(*job[1]))


def planned(job: Job) -> dict[str, Any]:
    """Return the plan of a job in words that JSON holds."""
    plan = job.plan
    window, overlap = plan.options.window, plan.options.overlap
    of_block = sum(
        _bytes_of_pixel(item) * (window[0] + 2 * overlap) * (window[1] + 2 * overlap)
        for item in plan.inputs
    )
    held = min(blocks_held(plan.options.style), len(plan.blocks))
    return {
        "name": job.name,
        "grid": _grid(plan),
        "blocks": {
            "number": len(plan.blocks),
            "columns": plan.blocks.xblocks,
            "rows": plan.blocks.yblocks,
            "width": window[0],
            "height": window[1],
            "overlap": overlap,
        },
        "memory": {
            "inputs_of_a_block": of_block,
            "blocks_at_once": held,
            "inputs_at_once": of_block * held,
        },
        "inputs": [_input(item, plan) for item in plan.inputs],
        "outputs": [_output(target) for target in plan.targets],
    }


def blocks_held(style: ConcurrencyStyle) -> int:
    """Return of how many blocks the inputs are in memory at a time, all processes together."""
    workers, readers = max(1, style.workers_at_once), style.numReadWorkers
    if style.workers_read:
        # each reads ahead for itself
        return workers * (1 + readers)
    return workers + (max(2, 2 * readers) if readers else 0)


def _grid(plan: Plan) -> dict[str, Any]:
    grid = plan.grid
    return {
        "columns": grid.ncols,
        "rows": grid.nrows,
        "xres": grid.xres,
        "yres": grid.yres,
        "bounds": list(grid.bounds),
        "crs": PixelGridDefn.from_grid(grid).projection,
    }


def _bytes_of_pixel(item: InputPlan) -> int:
    source = item.source
    if isinstance(source, RasterSource):
        return np.dtype(source.dtype).itemsize * len(source.bands)
    return np.dtype(source.options.dtype).itemsize


def _input(item: InputPlan, plan: Plan) -> dict[str, Any]:
    source, size = item.source, item.size
    how = "as it is"
    if not isinstance(source, RasterSource):
        how = "burnt"
    elif item.warp is not None:
        how = f"warped ({plan.options.inputs[source.key].resampling})"
    right = min(item.offset[0] + size[0], plan.grid.ncols)
    lower = min(item.offset[1] + size[1], plan.grid.nrows)
    pixels = max(0, right - max(0, item.offset[0])) * max(0, lower - max(0, item.offset[1]))
    return {
        "name": source.label,
        "path": source.path,
        "how": how,
        "bands": list(source.bands) if isinstance(source, RasterSource) else [1],
        "dtype": source.dtype if isinstance(source, RasterSource) else source.options.dtype,
        "bytes": pixels * _bytes_of_pixel(item),
    }


def _output(target: Target) -> dict[str, Any]:
    return {
        "name": target.label,
        "path": target.path,
        "driver": target.format.driver,
        "replaces": os.path.exists(target.path),
    }


def text_of(planned: dict[str, Any]) -> str:
    """Write a plan for people."""
    grid, blocks, memory = planned["grid"], planned["blocks"], planned["memory"]
    bounds = ", ".join(f"{edge:.10g}" for edge in grid["bounds"])
    lines = [
        f"job     {planned['name']}",
        f"grid    {grid['columns']:,} x {grid['rows']:,} pixels of "
        f"{grid['xres']:.10g} x {grid['yres']:.10g}; {crs_name(grid['crs'])}; bounds {bounds}",
        f"blocks  {blocks['number']:,} ({blocks['columns']:,} x {blocks['rows']:,}) of "
        f"{blocks['width']} x {blocks['height']} pixels, overlap {blocks['overlap']}",
        f"memory  {scaled(memory['inputs_of_a_block'], 'B')} for the inputs of a block, "
        f"{scaled(memory['inputs_at_once'], 'B')} for those of {memory['blocks_at_once']} at a "
        "time; outputs and what the function needs come on top",
    ]
    lines += [
        f"read    {each['name']}: {each['path']}, {each['how']}, {len(each['bands'])} x "
        f"{each['dtype']}, {scaled(each['bytes'], 'B')}"
        for each in planned["inputs"]
    ]
    for each in planned["outputs"]:
        replaces = "; replaces the one that is there" if each["replaces"] else ""
        lines.append(f"write   {each['name']}: {each['path']}, {each['driver']}{replaces}")
    return "\n".join(lines)
