"""What each lane has done so far, in the log of its task run."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rios_flows.reports.amounts import counted, scaled
from rios_flows.reports.records import BlockRecord, Listener, RunInfo, Stage

_WORDS: dict[Stage, str] = {"read": "read", "compute": "computation", "write": "write"}
_DOING: dict[Stage, str] = {"read": "reading", "compute": "computing", "write": "writing"}

Logger = logging.Logger | logging.LoggerAdapter[Any]


@dataclass
class _Lane:
    """What one lane has done so far."""

    logger: Logger
    since: float
    done: Counter[str] = field(default_factory=Counter)
    nbytes: int = 0
    busy: float = 0.0

    def add(self, record: BlockRecord) -> None:
        self.done["failed attempt" if record.error else _WORDS[record.stage]] += 1
        self.nbytes += record.nbytes
        self.busy += record.end - record.start

    def __str__(self) -> str:
        share = min(1.0, self.busy / max(time.perf_counter() - self.since, 1e-9))
        parts = [counted(number, what) for what, number in self.done.items()] or ["nothing"]
        if self.nbytes:
            parts.append(scaled(self.nbytes, "B"))
        return f"{', '.join(parts)}; at work {share:.0%} of its own time"


class LaneLogs(Listener):
    """Counts the work of each lane, and writes it to its log, at intervals and at its end."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._lock = threading.Lock()
        self._written = "no block is written"
        self._info: RunInfo | None = None

    def lane_starts(self, lane: str, logger: Logger) -> None:
        """Start to count for a lane, whose lines go to ``logger``."""
        with self._lock:
            self._lanes[lane] = _Lane(logger, time.perf_counter())

    def lane_ends(self, lane: str) -> None:
        """Write to the lane's log what it has done."""
        with self._lock:
            ended = self._lanes.pop(lane)
        ended.logger.info("Lane %s ends: %s", lane, ended)

    def say(self) -> None:
        """Write to the log of each working lane what it has done so far."""
        with self._lock:
            lines = [(lane.logger, name, str(lane)) for name, lane in self._lanes.items()]
        for logger, name, text in lines:
            logger.info("Lane %s: %s%s; %s", name, self._doing(name), text, self._written)

    def _doing(self, lane: str) -> str:
        """Say what a lane has in hand; nothing where it waits, or a worker elsewhere has it."""
        in_hand = self._info and self._info.in_hand.get(lane)
        if not in_hand or self._info is None:
            return ""
        step, block, since = in_hand
        row, column = self._info.blocks.position(block)
        seconds = time.perf_counter() - since
        return f"{_DOING[step.stage]} row {row}, column {column} for {seconds:.1f} s; so far "

    # calls from the engine

    def started(self, info: RunInfo) -> None:
        """Keep what tells what each lane has in hand."""
        self._info = info

    def recorded(self, record: BlockRecord) -> None:
        """Count a record."""
        with self._lock:
            lane = self._lanes.get(record.lane)
            if lane is not None:
                lane.add(record)

    def written(self, done: int, total: int) -> None:
        """Note the progress of the run."""
        self._written = f"{done} of {total} blocks are written"
