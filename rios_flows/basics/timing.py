"""Named intervals of time, gathered from many threads."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable
from time import perf_counter
from typing import Any, TypedDict

import numpy as np

__all__ = ["REPORT_ORDER", "Timers", "TimingSummary"]

#: Names that the report lists, in this order.
REPORT_ORDER = (
    "waitforslots",
    "reading",
    "startcomputeworkers",
    "userfunction",
    "writing",
    "pyramids",
    "basicstats",
    "stats+histogram",
    "histogram",
    "beforeclose",
    "insert_readbuffer",
    "pop_readbuffer",
    "insert_computebuffer",
    "pop_computebuffer",
)


class TimingSummary(TypedDict):
    """Durations of one timer (s): total, smallest, largest, quartiles, and their number."""

    tot: float
    min: float
    max: float
    lower: float
    median: float
    upper: float
    N: int


class Timers:
    """Start and end of each time that something named was done; thread-safe, and can be pickled.

    Examples
    --------
    >>> timings = Timers()
    >>> with timings.interval("reading"):
    ...     pixels = sum(range(1000))
    >>> len(timings.getDurationsForName("reading"))
    1
    """

    def __init__(self) -> None:
        # start, end, start, end...: as pairs they would take ten times as much memory
        self._times: dict[str, array[float]] = {}
        #: guards the names; adding times to one of them takes a single call, see :meth:`extend`
        self._lock = threading.Lock()

    def interval(self, intervalName: str) -> _Interval:
        """Time a ``with`` block; it counts even if the block raises an error."""
        return _Interval(self, intervalName)

    def record(self, name: str, start: float, end: float) -> None:
        """Add an interval that was measured elsewhere, by ``time.perf_counter`` (s)."""
        self.extend(name, (start, end))

    def extend(self, name: str, times: Iterable[float]) -> None:
        """Add intervals that were measured elsewhere: start, end, start, end... (s)."""
        known = self._times.get(name)
        if known is None:
            with self._lock:
                known = self._times.setdefault(name, array("d"))
        # one call, so that times of two threads are not mixed
        known.extend(times)

    @property
    def pairs(self) -> dict[str, list[tuple[float, float]]]:
        """Start and end of each interval (s), by name: a copy."""
        return {name: _pairs(times) for name, times in self._copied().items()}

    def getDurationsForName(self, intervalName: str) -> list[float] | None:
        """Return how long each interval of this name took (s), or None if there is none."""
        times = self._times.get(intervalName)
        return None if times is None else [end - start for start, end in _pairs(times)]

    def merge(self, other: Timers) -> None:
        """Add the intervals of another Timers to this one."""
        # copied first: holding both locks would be a deadlock if two merge into each other
        theirs = other._copied()
        with self._lock:
            for name, times in theirs.items():
                self._times.setdefault(name, array("d")).extend(times)

    def makeSummaryDict(self) -> dict[str, TimingSummary]:
        """Summarise the durations of each name."""
        with self._lock:
            names = list(self._times)
        return {name: _summary(self.getDurationsForName(name) or [0.0]) for name in names}

    def formatReport(self, level: int = 0) -> str:
        """Write a table of the total time of each name; from level 1 also of the spread.

        Raises
        ------
        KeyError
            If there is no interval called "walltime", that of the whole run.
        """
        summary = self.makeSummaryDict()
        listed = [(name, summary[name]) for name in REPORT_ORDER if name in summary]
        lines = [
            f"Wall clock elapsed time: {summary['walltime']['tot']:.1f} seconds",
            "",
            f"{'Timer':<20}       Total (sec)",
            "-" * 32,
            *(f"{name:<20}    {timer['tot']:8.1f}" for name, timer in listed),
        ]
        if level >= 1:
            header = f"{'Timer':<20}       N,Min,Lower,Median,Upper,Max"
            lines += ["", "", header, "-" * len(header)]
            lines += [f"{name:<20}    {_spread(timer)}" for name, timer in listed]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.formatReport() if "walltime" in self._times else repr(self)

    def __repr__(self) -> str:
        summary = self.makeSummaryDict()
        told = ", ".join(f"{name} {timer['tot']:.3g} s" for name, timer in summary.items())
        return f"{type(self).__name__}({told or 'no interval'})"

    def __getstate__(self) -> dict[str, Any]:
        return {"times": self._copied()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._times = state["times"]
        self._lock = threading.Lock()

    def _copied(self) -> dict[str, array[float]]:
        with self._lock:
            return {name: times[:] for name, times in self._times.items()}


class _Interval:
    """One interval; a class, since a generator takes three times as long."""

    __slots__ = ("_name", "_start", "_timers")

    def __init__(self, timers: Timers, name: str) -> None:
        self._timers = timers
        self._name = name

    def __enter__(self) -> None:
        self._start = perf_counter()

    def __exit__(self, *_: object) -> None:
        self._timers.record(self._name, self._start, perf_counter())


def _pairs(times: array[float]) -> list[tuple[float, float]]:
    # from a copy: other threads may be adding times
    times = times[:]
    return list(zip(times[::2], times[1::2], strict=True))


def _summary(durations: list[float]) -> TimingSummary:
    smallest, lower, median, upper, largest = np.percentile(durations, (0, 25, 50, 75, 100))
    return TimingSummary(
        tot=sum(durations),
        min=float(smallest),
        max=float(largest),
        lower=float(lower),
        median=float(median),
        upper=float(upper),
        N=len(durations),
    )


def _spread(timer: TimingSummary) -> str:
    values = (timer["min"], timer["lower"], timer["median"], timer["upper"], timer["max"])
    return ",".join([str(timer["N"]), *(f"{value:.4f}" for value in values)])
