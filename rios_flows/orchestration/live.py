"""What can be seen of a run while it runs and right after; in a thread of its own."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rios_flows.orchestration.artifacts import Artifacts
from rios_flows.records import BlockRecord, RunInfo
from rios_flows.timing import Timers

_WORDS = {"read": "reads", "compute": "computations", "write": "writes"}

Logger = logging.Logger | logging.LoggerAdapter[Any]

#: Seconds between two looks at a run.
TICK = 1.0
#: Seconds to the first lines about the lanes; later ones come after each tenth of the run so far.
FIRST_LINES = 10.0
#: Longest wait at the end of a run for what is still to be told (s).
PATIENCE = 30.0


@dataclass
class _Lane:
    """What one lane has done so far."""

    logger: Logger
    since: float
    done: Counter[str] = field(default_factory=Counter)
    nbytes: int = 0
    busy: float = 0.0

    def add(self, record: BlockRecord) -> None:
        self.done["failed attempts" if record.error else _WORDS[record.stage]] += 1
        self.nbytes += record.nbytes
        self.busy += record.end - record.start

    def __str__(self) -> str:
        share = min(1.0, self.busy / max(time.perf_counter() - self.since, 1e-9))
        done = ", ".join(f"{count} {what}" for what, count in self.done.items())
        return f"{done or 'nothing'}; {self.nbytes / 1e6:.1f} MB; at work {share:.0%} of the time"


class Live:
    """Hears of a run, shows its progress, and draws its artifacts; a slow server slows no lane.

    Whatever goes wrong here is logged, and nothing else.

    Parameters
    ----------
    artifacts : Artifacts
        Where to show it.
    logger : Logger
        The flow run's.
    beat : callable
        Called about once a second, as a sign of life.
    """

    def __init__(self, artifacts: Artifacts, logger: Logger, beat: Callable[[], None]) -> None:
        self._artifacts = artifacts
        self._logger = logger
        self._beat = beat
        self._records: list[BlockRecord] = []
        self._counted = 0
        self._lanes: dict[str, _Lane] = {}
        self._lock = threading.Lock()
        self._done = 0
        self._timings: Timers | None = None
        self._wake = threading.Event()
        self._broken: set[str] = set()
        self._thread: threading.Thread | None = None

    # what the engine tells

    def started(self, info: RunInfo) -> None:
        """Begin to show a run."""
        # in a copy of the context: it says which server to talk to
        work = contextvars.copy_context().run
        self._thread = threading.Thread(
            target=work, args=(self._work, info), name="live", daemon=True
        )
        self._thread.start()

    def recorded(self, record: BlockRecord) -> None:
        """Note a record."""
        self._records.append(record)

    def written(self, done: int, total: int) -> None:
        """Note how far the run is."""
        self._done = done
        if done == total:
            self._wake.set()

    def finished(self, error: BaseException | None) -> None:
        """Do nothing yet: outputs are still to be published."""

    # what the lanes' task runs tell

    def lane_starts(self, lane: str, logger: Logger) -> None:
        """Note whose log lines are to be written where."""
        with self._lock:
            self._lanes[lane] = _Lane(logger, time.perf_counter())

    def lane_ends(self, lane: str) -> None:
        """Say in the lane's log what it has done."""
        self._count()
        with self._lock:
            ended = self._lanes.pop(lane)
        ended.logger.info("Lane %s ends: %s", lane, ended)

    # the end

    def publish(self, timings: Timers | None) -> None:
        """Make the artifacts of the run, as far as it came; return when they are there."""
        if self._thread is None:
            return
        self._timings = timings or Timers()
        self._wake.set()
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            self._logger.warning("The server takes more than %.0f s for the artifacts", PATIENCE)

    # in the thread

    def _work(self, info: RunInfo) -> None:
        try:
            with self._artifacts:
                self._watch(info)
                self._finish(info)
        except Exception as error:
            self._logger.warning("Not shown in Prefect: %r", error)

    def _watch(self, info: RunInfo) -> None:
        self._try(self._beat)
        self._try(self._artifacts.show_progress, 0.0)
        began, next_lines = time.monotonic(), FIRST_LINES
        while self._timings is None:
            self._wake.wait(TICK)
            self._try(self._beat)
            if self._wake.is_set():
                # no block is left: draw while files are closed
                self._wake.clear()
                self._try(self._artifacts.draw, self._records, info)
            self._try(self._artifacts.show_progress, self._percent(info))
            age = time.monotonic() - began
            if age >= next_lines:
                next_lines = age + max(FIRST_LINES, age / 10)
                self._try(self._say_lanes, info)

    def _finish(self, info: RunInfo) -> None:
        timings = self._timings or Timers()
        self._try(self._artifacts.show_progress, self._percent(info))
        self._try(self._artifacts.make_summary, timings, self._records, info)
        self._try(self._artifacts.make_table, self._records, info)

    def _percent(self, info: RunInfo) -> float:
        return 100.0 * self._done / max(info.total_blocks, 1)

    def _say_lanes(self, info: RunInfo) -> None:
        self._count()
        with self._lock:
            lines = [(lane.logger, name, str(lane)) for name, lane in self._lanes.items()]
        for logger, name, text in lines:
            done = f"{self._done} of {info.total_blocks}"
            logger.info("Lane %s: %s; %s blocks are written", name, text, done)

    def _count(self) -> None:
        with self._lock:
            end = len(self._records)
            for record in self._records[self._counted : end]:
                lane = self._lanes.get(record.lane)
                if lane is not None:
                    lane.add(record)
            self._counted = end

    def _try(self, action: Callable[..., None], *arguments: Any) -> None:
        name = getattr(action, "__name__", "heartbeat")
        if name in self._broken:
            return
        try:
            action(*arguments)
        except Exception as error:
            # once is enough: a server that is away would be asked each second
            self._broken.add(name)
            self._logger.warning("Not shown in Prefect: %s: %r", name, error)
