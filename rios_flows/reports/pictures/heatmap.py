"""The heat map of a run: the time of each block, drawn at its position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from rios_flows.reports.blocktimes import outliers
from rios_flows.reports.pictures.canvas import (
    FAILED,
    INK,
    NO_DATA,
    SLOW,
    Floats,
    floats,
    ints,
    new_figure,
    png,
    short,
)
from rios_flows.reports.records import BlockRecord, RunInfo

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_CELLS = 200


def heatmap_png(records: Sequence[BlockRecord], info: RunInfo) -> bytes:
    """Draw the time spent on each block (all stages and attempts) over the raster, as a PNG.

    Grey blocks were not worked on; red crosses mark blocks with a failed attempt, numbered rings
    those that took far longer than most, the slowest first. Above 200 rows or columns, a cell
    stands for the slowest of several blocks.
    """
    spent, failed = _block_times(records, info)
    step = -(-max(spent.shape) // _MAX_CELLS)
    cells = _coarsen(spent, step)
    scale, unit = (1.0, "s") if np.nanmax(cells, initial=0.0) >= 2.0 else (1e3, "ms")
    fig = new_figure(7.0, 5.2)
    ax = fig.add_axes((0.095, 0.115, 0.74, 0.765))
    ax.set_facecolor(NO_DATA)
    # one slow block must not leave all others in one colour
    seen = cells[np.isfinite(cells)] * scale
    top, usual = (float(seen.max()), float(np.percentile(seen, 99))) if seen.size else (1.0, 1.0)
    limit = usual if top > 4 * usual > 0 else top
    image = ax.imshow(
        cells * scale, cmap="viridis", vmin=0.0, vmax=limit or 1.0, interpolation="nearest",
        extent=(-0.5, spent.shape[1] - 0.5, spent.shape[0] - 0.5, -0.5), aspect=_aspect(info),
    )  # fmt: skip
    if failed:
        rows, cols = np.array(sorted(failed)[:500]).T
        ax.scatter(
            cols, rows, marker="x", s=34, color=FAILED, linewidths=1.6, label="failed attempt",
        )  # fmt: skip
    _mark_slow(ax, outliers(spent))
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.06), frameon=False, fontsize=9, ncols=2)
    _whole_ticks(ax)
    bar_ax = ax.inset_axes((1.03, 0.0, 0.035, 1.0))
    bar = fig.colorbar(image, cax=bar_ax, extend="max" if limit < top else "neither")
    bar.set_label(f"time per block ({unit})", color=INK)
    bar.ax.tick_params(labelsize=9, colors=INK)
    note = "" if step == 1 else f", slowest of {step} x {step}"
    ax.set_title(
        f"{short(info.name)}: time per block{note}", size=11.5, weight="bold", loc="left",
        color=INK,
    )  # fmt: skip
    return png(fig)


def _mark_slow(ax: Axes, blocks: Sequence[tuple[int, int]]) -> None:
    if not blocks:
        return
    rows, cols = np.array(blocks).T
    for colour, width in (("white", 3.2), (SLOW, 1.6)):
        ax.scatter(
            cols, rows, marker="o", s=90, facecolors="none", edgecolors=colour, linewidths=width,
            label="far slower than most" if colour == SLOW else None,
        )  # fmt: skip
    for number, (row, col) in enumerate(blocks, 1):
        ax.annotate(
            f"{number}", (col, row), xytext=(6, 6), textcoords="offset points", fontsize=8,
            color=INK, weight="bold",
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"},
        )  # fmt: skip


def _block_times(
    records: Sequence[BlockRecord], info: RunInfo
) -> tuple[Floats, set[tuple[int, int]]]:
    """Sum up the time per block, shape ``(yblocks, xblocks)``, NaN for none; and the failures."""
    rows = ints(record.block.top for record in records) // info.blocks.window[1]
    cols = ints(record.block.left for record in records) // info.blocks.window[0]
    duration = floats(record.end - record.start for record in records)
    index = rows * info.blocks.xblocks + cols
    count = info.blocks.xblocks * info.blocks.yblocks
    met = np.bincount(index, minlength=count) > 0
    spent = np.where(met, np.bincount(index, duration, count), np.nan)
    failed = np.flatnonzero(ints(bool(record.error) for record in records))
    where = {(int(rows[i]), int(cols[i])) for i in failed}
    return spent.reshape(info.blocks.yblocks, info.blocks.xblocks), where


def _coarsen(values: Floats, step: int) -> Floats:
    """Take the largest of each ``step`` x ``step`` cells; NaN only if all are NaN."""
    rows, cols = (np.arange(0, size, step) for size in values.shape)
    cells: Floats = np.fmax.reduceat(np.fmax.reduceat(values, rows, axis=0), cols, axis=1)
    return cells


def _aspect(info: RunInfo) -> float | Literal["auto"]:
    """Show blocks in their true shape, unless the raster would be too narrow."""
    shape = info.blocks.window[1] / info.blocks.window[0]
    ratio = shape * info.blocks.yblocks / info.blocks.xblocks
    return shape if 0.25 <= ratio <= 4.0 else "auto"


def _whole_ticks(ax: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    for axis, label in ((ax.xaxis, "block column"), (ax.yaxis, "block row")):
        axis.set_major_locator(MaxNLocator(nbins=9, integer=True, min_n_ticks=1))
        axis.set_label_text(label, color=INK)
    ax.tick_params(labelsize=9, colors=INK)
