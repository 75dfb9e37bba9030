"""The timeline of a run: when each lane was at work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows.reports.pictures.canvas import (
    DPI,
    FAILED,
    INK,
    Floats,
    Ints,
    floats,
    ints,
    new_figure,
    png,
    short,
)
from rios_flows.reports.records import STAGES, BlockRecord, RunInfo
from rios_flows.reports.summary import last_end

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {"read": "#2b7bba", "compute": "#f08c2e", "write": "#3a9d5d"}
_IDLE = "#eef0f3"

_LANE_PIXELS = 24
_LANE_GAP = 3
_FAINTEST = 0.35  # a bar far shorter than a pixel must still be seen
_MOST_MARKS = 300
#: A lane that had more workers than this, such as one for each block, has one row for all of them.
_MOST_WORKERS = 8


class _Bars(NamedTuple):
    """The records as columns; ``span`` is the length of the picture (s), ``columns`` in pixels."""

    lane: Ints
    stage: Ints
    start: Floats
    end: Floats
    failed: Ints
    span: float
    columns: int

    def pixel(self, times: Floats) -> Ints:
        """Return the pixel column of each time."""
        pixels: Ints = (times * (self.columns / self.span)).astype(np.int64)
        return np.clip(pixels, 0, self.columns - 1)


def timeline_png(records: Sequence[BlockRecord], info: RunInfo) -> bytes:
    """Draw when each lane was at work, one row per lane, coloured by stage, as a PNG.

    The strength of a pixel's colour is the share of its time in which the lane was at work, so the
    picture is right even for a hundred thousand bars. A lane that does several stages has a strip
    for each. Failed attempts are red, with a mark above. What a lane had done by workers outside
    the process has a row for each of them, with its host and process.
    """
    rows = _rows(records, info)
    lanes = list(dict.fromkeys(rows.values())) or ["-"]
    lane_height = float(np.clip(9.0 / len(lanes), 0.09, 0.34 if len(lanes) > 2 else 0.6))
    width, height = 10.0, lane_height * len(lanes) + 1.15
    left, right = max(1.25, 0.3 + 0.075 * max(map(len, lanes))) / width, 0.72 / width
    bars = _bars(records, rows, lanes, int((1 - left - right) * width * DPI))

    fig = new_figure(width, height)
    ax = fig.add_axes((left, 0.55 / height, 1 - left - right, lane_height * len(lanes) / height))
    ax.imshow(
        _paint(bars, len(lanes)),
        extent=(0, bars.span, len(lanes), 0),
        aspect="auto",
        interpolation="nearest",
    )
    _mark_failures(ax, bars)
    _label_lanes(ax, lanes, bars)
    ax.set_xlabel("seconds since the start of the run", color=INK)
    title = f"{short(info.name)}: what each lane did"
    fig.text(0.01, 1 - 0.3 / height, title, size=11.5, weight="bold", color=INK)
    _stage_legend(fig, 1 - 0.24 / height, failed=bool(bars.failed.size))
    return png(fig)


def _rows(records: Sequence[BlockRecord], info: RunInfo) -> dict[tuple[str, str], str]:
    """Return the name of the row for each lane and worker."""
    writing = {record.worker for record in records if record.stage == "write"}
    workers: dict[str, list[str]] = {lane: [] for lane in info.lanes}
    for lane, worker in dict.fromkeys((record.lane, record.worker) for record in records):
        workers.setdefault(lane, []).append(worker)
    rows = {}
    for lane, had in workers.items():
        apart = writing and not writing.issuperset(had) and len(had) <= _MOST_WORKERS
        for worker in had or [""]:
            rows[lane, worker] = f"{lane}, {worker[-24:]}" if apart else lane
    return rows


def _bars(
    records: Sequence[BlockRecord],
    rows: Mapping[tuple[str, str], str],
    lanes: Sequence[str],
    columns: int,
) -> _Bars:
    number_of = {lane: number for number, lane in enumerate(lanes)}
    lane_number = {key: number_of[row] for key, row in rows.items()}
    stage_number = {stage: number for number, stage in enumerate(STAGES)}
    return _Bars(
        lane=ints(lane_number[record.lane, record.worker] for record in records),
        stage=ints(stage_number[record.stage] for record in records),
        start=floats(record.start for record in records),
        end=floats(record.end for record in records),
        failed=np.flatnonzero(ints(bool(record.error) for record in records)),
        span=max(last_end(records), 1e-3),
        columns=columns,
    )


def _paint(bars: _Bars, lanes: int) -> NDArray[np.float32]:
    """Make the picture of all lanes, shape ``(lanes * _LANE_PIXELS, columns, 3)``."""
    from matplotlib.colors import to_rgb

    image = np.ones((lanes, _LANE_PIXELS, bars.columns, 3), np.float32)
    image[:, _LANE_GAP:-_LANE_GAP] = to_rgb(_IDLE)
    for number in range(lanes):
        here = np.flatnonzero(bars.lane == number)
        present = np.unique(bars.stage[here])
        cuts = np.linspace(_LANE_GAP, _LANE_PIXELS - _LANE_GAP, present.size + 1).astype(int)
        for strip, stage in enumerate(present):
            rows = image[number, cuts[strip] : cuts[strip + 1]]
            colour = np.asarray(to_rgb(_COLOURS[STAGES[stage]]), np.float32)
            _paint_strip(rows, colour, bars, here[bars.stage[here] == stage])
    first, last = bars.pixel(bars.start), bars.pixel(bars.end)
    for index in bars.failed:
        image[bars.lane[index], :, first[index] : max(last[index], first[index] + 2)] = to_rgb(
            FAILED
        )
    return image.reshape(lanes * _LANE_PIXELS, bars.columns, 3)


def _paint_strip(
    rows: NDArray[np.float32], colour: NDArray[np.float32], bars: _Bars, which: Ints
) -> None:
    start, end = bars.start[which], bars.end[which]
    rows += _strength(start, end, bars.span, bars.columns)[:, None] * (colour - rows)
    # a light line between bars that are wide enough to be seen apart
    wide = (end - start) * bars.columns > 4 * bars.span
    rows[:, bars.pixel(start[wide])] = 1.0


def _strength(start: Floats, end: Floats, span: float, columns: int) -> NDArray[np.float32]:
    """Return the share of each pixel's time that the intervals cover, from 0 to 1."""
    edges = np.linspace(0.0, span, columns + 1)
    covered = np.diff(_ramps(start, edges) - _ramps(end, edges)) * (columns / span)
    strength = np.where(covered > 1e-4, np.clip(covered, _FAINTEST, 1.0), 0.0)
    return strength.astype(np.float32)


def _ramps(points: Floats, at: Floats) -> Floats:
    """Sum ``max(0, at - point)`` over all points: the area that unit steps cover up to ``at``."""
    points = np.sort(points)
    total = np.concatenate([[0.0], np.cumsum(points)])
    count = np.searchsorted(points, at, side="right")
    area: Floats = count * at - total[count]
    return area


def _mark_failures(ax: Axes, bars: _Bars) -> None:
    """Mark each failed attempt, at most one per pixel, and not too many."""
    pixels = bars.pixel(bars.start[bars.failed])
    marks = np.unique(np.stack([bars.lane[bars.failed], pixels], axis=1), axis=0)
    marks = marks[:: 1 + len(marks) // _MOST_MARKS]
    times = (marks[:, 1] + 0.5) * bars.span / bars.columns
    ax.scatter(
        times, marks[:, 0], marker="v", s=26, color=FAILED, edgecolors="white", linewidths=0.5,
        clip_on=False, zorder=4,
    )  # fmt: skip


def _label_lanes(ax: Axes, lanes: Sequence[str], bars: _Bars) -> None:
    """Name the lanes at the left, and their share of time at work at the right."""
    busy = np.bincount(bars.lane, bars.end - bars.start, len(lanes)) / bars.span
    # of very many lanes only some can be named legibly
    ticks = range(0, len(lanes), 1 + len(lanes) // 65)
    size = 9 if len(lanes) <= 26 else 6
    ax.set_yticks(
        [tick + 0.5 for tick in ticks], [lanes[tick] for tick in ticks], size=size, color=INK
    )
    ax.tick_params(length=0, axis="y")
    ax.tick_params(axis="x", labelsize=9, colors=INK)
    beside: dict[str, Any] = {"color": INK, "transform": ax.get_yaxis_transform()}
    for tick in ticks:
        share = f"{min(busy[tick], 1.0):.0%}"
        ax.text(1.01, tick + 0.5, share, size=size, va="center", **beside)
    ax.text(1.01, -0.15, "at work", size=8, va="bottom", **beside)
    for side in ("top", "left", "right"):
        ax.spines[side].set_visible(False)


def _stage_legend(fig: Figure, y: float, failed: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Patch | Line2D] = [Patch(color=_COLOURS[s], label=s) for s in STAGES]
    if failed:
        mark = Line2D([], [], marker="v", color=FAILED, linestyle="", label="failed attempt")
        handles.append(mark)
    fig.legend(
        handles=handles, loc="center right", bbox_to_anchor=(0.925, y), ncols=4, frameon=False,
        fontsize=9, handlelength=1.1, columnspacing=1.2, labelcolor=INK,
    )  # fmt: skip
