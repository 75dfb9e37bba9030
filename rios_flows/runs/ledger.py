"""The book of a run: what lanes do and have done, how long they waited, and who hears of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from threading import Lock
from types import TracebackType

from rios_flows import rioserrors
from rios_flows.basics.timing import Timers
from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
from rios_flows.reports.records import (
    Attempt,
    BlockRecord,
    BlockRecords,
    InHand,
    Listener,
    RunInfo,
    Stage,
)

logger = logging.getLogger(__name__)

#: RIOS's name of the timer of each stage.
TIMER_OF_STAGE: dict[Stage, str] = {
    "read": "reading",
    "compute": "userfunction",
    "write": "writing",
}

_DOING: dict[Stage, str] = {"read": "reading", "compute": "the user function", "write": "writing"}


class Ledger:
    """Keeps the records and timings of a run, and tells its listeners.

    Parameters
    ----------
    blocks : BlockGrid
        To name blocks in messages.
    listeners : sequence of Listener
        Who hears of each record.

    Attributes
    ----------
    in_hand : dict
        What each lane is doing: step, block, and since when (s).
    """

    def __init__(self, blocks: BlockGrid, listeners: Sequence[Listener] = ()) -> None:
        self.timings = Timers()
        self.records = BlockRecords()
        self._blocks = blocks
        self._total = len(blocks)
        self._listeners = list(listeners)
        #: most listen to what is written only, and a record takes longer to make than to keep
        self._hears_records = any(
            type(listener).recorded is not Listener.recorded for listener in listeners
        )
        self._lock = Lock()
        self._began = time.perf_counter()
        self.in_hand: InHand = {}
        self._written = 0

    def end(
        self,
        lane: str,
        block: ApplierBlockDefn,
        attempts: Sequence[Attempt],
        worker: str,
        offset: float = 0,
    ) -> None:
        """Record what a lane, or a worker on its behalf, has tried with a block, one after another.

        The worker is a host and process. Its clock shows ``offset`` when this one's shows 0 (s).
        """
        self.in_hand.pop(lane, None)
        since = self._began + offset
        self.records.add(block, lane, worker, attempts, since)
        if self._hears_records:
            for (stage, name, attempt, error), start, end, nbytes in attempts:
                times = start - since, end - since
                self._tell(
                    "recorded",
                    BlockRecord(block, stage, name, lane, worker, attempt, *times, nbytes, error),
                )

    def block_written(self) -> None:
        """Note that one more block is in every output; for the one lane that writes."""
        self._written += 1
        self._tell("written", self._written, self._total)

    @property
    def complete(self) -> bool:
        """Whether every block is written."""
        return self._written == self._total

    def started(self, info: RunInfo) -> None:
        """Tell the listeners that the lanes are about to start."""
        self._tell("started", info)

    def finished(self, error: BaseException | None) -> None:
        """Sum up the times, and tell the listeners that all lanes have ended."""
        for stage, timer in TIMER_OF_STAGE.items():
            for times in self.records.times(stage):
                if len(times):
                    self.timings.extend(timer, (self._began + times).ravel())
        self._tell("finished", error)

    def waiting(self, timer: str) -> _Wait:
        """Time waits of one lane for a buffer; a timeout learns what the other lanes are doing."""
        return _Wait(self, timer)

    def busy(self, least: float = 0.0) -> str:
        """Say which lane has which block in hand, for how long (at least so, in s); or nothing."""
        now = time.perf_counter()
        return "; ".join(
            f"{lane} in {_DOING[step.stage]}, {self._blocks.describe(block)}, "
            f"for {now - since:.1f} s"
            for lane, (step, block, since) in sorted(self.in_hand.copy().items())
            if now - since >= least
        )

    def _tell(self, message: str, *arguments: object) -> None:
        for listener in self._listeners:
            try:
                getattr(listener, message)(*arguments)
            except Exception as failure:
                self._drop(listener, failure)

    def _drop(self, listener: Listener, error: Exception) -> None:
        # a picture that cannot be drawn must not cost a job its pixels
        logger.error("%s failed, and hears no more", type(listener).__name__, exc_info=error)
        # other lanes may be here, with this listener or another one
        with self._lock:
            self._listeners = [other for other in self._listeners if other is not listener]


class _Wait:
    """The with blocks of :meth:`Ledger.waiting`; a class, since they run several times a block."""

    __slots__ = ("_ledger", "_start", "_timer")

    def __init__(self, ledger: Ledger, timer: str) -> None:
        self._ledger = ledger
        self._timer = timer
        self._start = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ledger.timings.extend(self._timer, (self._start, time.perf_counter()))
        if isinstance(error, rioserrors.TimeoutError):
            busy = self._ledger.busy() or "no lane had a block in hand"
            raise rioserrors.TimeoutError(f"{error}. Meanwhile: {busy}") from None
