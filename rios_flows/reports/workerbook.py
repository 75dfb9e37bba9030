"""The book of a run's compute workers: when each was ordered, came and ended, and what it moved."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rios_flows.reports.cost import WorkerCost
from rios_flows.reports.records import BlockRecords


@dataclass(slots=True)
class Traffic:
    """What has gone through a connection so far (bytes)."""

    sent: int = 0
    received: int = 0


@dataclass(slots=True)
class _Stay:
    """One worker: when it was ordered, came, and ended, on the clock of the book (s)."""

    ordered: float
    came: float | None = None
    ended: float | None = None
    name: str = ""
    traffic: Traffic | None = None

    def asked(self, now: float) -> float:
        return (now if self.ended is None else self.ended) - self.ordered

    def used(self, now: float) -> float:
        return 0.0 if self.came is None else self.asked(now) - (self.came - self.ordered)


class WorkerBook:
    """Keeps book of the workers of a run, by their numbers; for several threads.

    Parameters
    ----------
    kind : str
        Who starts them.
    clock : callable
        Tells the time (s).
    """

    def __init__(self, kind: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.kind = kind
        self._clock = clock
        self._stays: dict[int, _Stay] = {}
        self._lock = Lock()

    def order(self, number: int) -> None:
        """Note that a worker has been ordered."""
        with self._lock:
            self._stays[number] = _Stay(self._clock())

    def arrive(self, number: int, name: str, traffic: Traffic) -> None:
        """Note that it has come, whether it was ordered or not, with the name in its records."""
        with self._lock:
            now = self._clock()
            stay = self._stays.setdefault(number, _Stay(now))
            stay.came, stay.name, stay.traffic = now, name, traffic

    def end(self, number: int) -> None:
        """Note its end, of whatever kind; only the first counts."""
        with self._lock:
            stay = self._stays.get(number)
            if stay is not None and stay.ended is None:
                stay.ended = self._clock()

    def cost(self, records: BlockRecords) -> WorkerCost:
        """Sum up what there was until now; whoever has no end yet is still at it."""
        with self._lock:
            now, stays = self._clock(), list(self._stays.values())
            there = [stay for stay in stays if stay.came is not None]
            used = sum(stay.used(now) for stay in there)
            traffic = [stay.traffic for stay in there if stay.traffic is not None]
            busy = busy_seconds(records, {stay.name for stay in there})
            return WorkerCost(
                kind=self.kind,
                ordered=len(stays),
                came=len(there),
                hours_asked=sum(stay.asked(now) for stay in stays) / 3600,
                hours_used=used / 3600,
                sent=sum(each.sent for each in traffic),
                received=sum(each.received for each in traffic),
                busy=min(1.0, busy / used) if used > 0 else 0.0,
            )

    def __getstate__(self) -> dict[str, Any]:
        # in the result of a run, which may be kept: what comes after counts no more
        return {**vars(self), "_lock": None, "_clock": _Stopped(self._clock())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = Lock()


@dataclass(frozen=True, slots=True)
class _Stopped:
    """A clock that stands still."""

    now: float

    def __call__(self) -> float:
        return self.now


def busy_seconds(records: BlockRecords, workers: set[str]) -> float:
    """Return how long these workers were at anything, all together (s)."""
    total, until = 0.0, dict.fromkeys(workers, -math.inf)
    for name, times in records.by_worker():
        if name in workers:
            total += _covered(times, until[name])
            until[name] = max(until[name], float(times[:, 1].max()))
    return total


def _covered(times: NDArray[np.float64], since: float) -> float:
    """Return the length of the union of intervals, shape ``(n, 2)``: reads overlap (s)."""
    times = times[np.argsort(times[:, 0])]
    before = np.maximum.accumulate([since, *times[:-1, 1]])
    return float(np.maximum(times[:, 1] - np.maximum(times[:, 0], before), 0).sum())
