"""How many workers of which kind a run gets, in RIOS's words."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rios_flows.controls import extraparams
from rios_flows.controls.extraparams import MOST_WORKERS, is_count
from rios_flows.rioserrors import ParameterError

__all__ = [
    "CW_AWSBATCH",
    "CW_ECS",
    "CW_NONE",
    "CW_PBS",
    "CW_SLURM",
    "CW_SUBPROC",
    "CW_THREADS",
    "ConcurrencyStyle",
]

CW_NONE = "CW_NONE"
CW_THREADS = "CW_THREADS"
CW_ECS = "CW_ECS"
CW_PBS = "CW_PBS"
CW_SLURM = "CW_SLURM"
CW_AWSBATCH = "CW_AWSBATCH"
CW_SUBPROC = "CW_SUBPROC"

#: The kinds of compute worker, and whether such a worker reads its own input where nothing is said.
READS_BY_DEFAULT = {
    CW_NONE: False,
    CW_THREADS: False,
    CW_SUBPROC: False,
    CW_PBS: True,
    CW_SLURM: True,
    CW_ECS: True,
    CW_AWSBATCH: True,
}

#: In place of a kind: who starts workers on a Dask cluster that is there already.
ON_DASK = "a Dask cluster"

#: In place of a kind: who starts workers as flow runs on a Prefect work pool.
ON_POOL = "a Prefect work pool"

_COUNTS = ("numReadWorkers", "numComputeWorkers")
_FLAGS = ("singleBlockComputeWorkers", "haveSharedTemp")
_TIMEOUTS = (
    "readBufferInsertTimeout",
    "readBufferPopTimeout",
    "computeBufferInsertTimeout",
    "computeBufferPopTimeout",
    "computeBarrierTimeout",
)


@dataclass
class ConcurrencyStyle:
    """How many workers read, and how many of which kind compute; writing is always done by one.

    Parameters
    ----------
    numReadWorkers : int
        Threads that read ahead, in this process or in each compute worker that reads for itself;
        0 to read when a block is needed.
    numComputeWorkers : int
        Workers that call the user function; 0 to call it in the main loop.
    computeWorkerKind : str
        One of the ``CW_*`` constants.
    computeWorkerExtraParams : dict, optional
        What this kind of worker needs beside.
    computeWorkersRead : bool, optional
        Whether each compute worker reads its own input; None to let the kind decide.
    singleBlockComputeWorkers : bool
        Give each block a batch job of its own, and let the queue decide how many run.
    haveSharedTemp : bool
        Whether compute workers see the temporary directory of this process.
    readBufferInsertTimeout, readBufferPopTimeout : float or None
        Longest wait for room for a block that is read, and for such a block to be complete (s);
        None to wait without end.
    computeBufferInsertTimeout, computeBufferPopTimeout : float or None
        The same for a block that is computed (s).
    computeBarrierTimeout : float or None
        Longest wait for the compute workers to start (s).

    Raises
    ------
    ParameterError
        If the parameters contradict one another, or are no sensible value at all.
    """

    numReadWorkers: int = 0
    numComputeWorkers: int = 0
    computeWorkerKind: str = CW_NONE
    # left out of the repr: it may be long, and may hold account names
    computeWorkerExtraParams: dict[str, Any] | None = field(default=None, repr=False)
    computeWorkersRead: bool | None = None
    singleBlockComputeWorkers: bool = False
    haveSharedTemp: bool = True
    readBufferInsertTimeout: float | None = 10
    readBufferPopTimeout: float | None = 10
    computeBufferInsertTimeout: float | None = 10
    computeBufferPopTimeout: float | None = 20
    computeBarrierTimeout: float | None = 600

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raise the first complaint as a ParameterError; call it again after setting attributes."""
        # one after the other: to compare counts, they must be known to be numbers
        for complaints in (self._bad_values, self._contradictions):
            for bad, message in complaints():
                if bad:
                    raise ParameterError(f"ConcurrencyStyle: {message}")

    @property
    def workers_read(self) -> bool:
        """Whether compute workers read their own input, with None resolved by the kind."""
        if self.computeWorkersRead is None:
            return self.launcher in (ON_DASK, ON_POOL) or READS_BY_DEFAULT[self.computeWorkerKind]
        return self.computeWorkersRead

    @property
    def has_processes(self) -> bool:
        """Whether the compute workers are outside this process."""
        return self.computeWorkerKind not in (CW_NONE, CW_THREADS)

    @property
    def launcher(self) -> str:
        """Who starts the compute workers: their kind, or a pool or cluster in its place."""
        if extraparams.name_pool(self.computeWorkerExtraParams):
            return ON_POOL
        on_dask = extraparams.name_dask(self.computeWorkerExtraParams)
        return ON_DASK if on_dask else self.computeWorkerKind

    @property
    def workers_at_once(self) -> int:
        """How many compute workers there are at a time, at most."""
        if self.singleBlockComputeWorkers:
            return extraparams.jobs_at_once(self.computeWorkerExtraParams)
        return extraparams.most_workers(self.computeWorkerExtraParams) or self.numComputeWorkers

    @property
    def workers_at_first(self) -> int:
        """With how many compute workers the run begins, unless each block has its own."""
        if self.grows:
            return extraparams.least_workers(self.computeWorkerExtraParams)
        return self.numComputeWorkers

    @property
    def grows(self) -> bool:
        """Whether more compute workers are started as those that are there prove busy."""
        return bool(extraparams.most_workers(self.computeWorkerExtraParams))

    def _bad_values(self) -> Iterator[tuple[bool, str]]:
        yield (
            # a list, as it cannot be hashed, could not be looked for in a dict
            self.computeWorkerKind not in list(READS_BY_DEFAULT),
            f"computeWorkerKind={self.computeWorkerKind!r} is unknown; choose one of "
            f"{', '.join(READS_BY_DEFAULT)}",
        )
        for name in _COUNTS:
            value = getattr(self, name)
            yield (
                not is_count(value) or value > MOST_WORKERS,
                f"{name}={value!r} must be a whole number from 0 to {MOST_WORKERS}",
            )
        for name in _FLAGS:
            value = getattr(self, name)
            yield not isinstance(value, bool), f"{name}={value!r} must be True or False"
        yield (
            not isinstance(self.computeWorkersRead, bool | None),
            f"computeWorkersRead={self.computeWorkersRead!r} must be True, False or None",
        )
        yield (
            not isinstance(self.computeWorkerExtraParams, dict | None),
            "computeWorkerExtraParams must be a dict or None, not "
            f"{type(self.computeWorkerExtraParams).__name__}",
        )
        yield from extraparams.bad_values(self.computeWorkerExtraParams)
        for name in _TIMEOUTS:
            value = getattr(self, name)
            yield (
                not _is_timeout(value),
                f"{name}={value!r} must be a number of seconds above 0, or None for no end",
            )

    def _ways_to_read(self, kind: str) -> Iterator[str]:
        if not self.singleBlockComputeWorkers:
            yield "make numReadWorkers at least 1"
        if kind != CW_THREADS:
            yield "set computeWorkersRead=True"

    def _contradictions(self) -> Iterator[tuple[bool, str]]:
        kind, readers, workers = (
            self.computeWorkerKind,
            self.numReadWorkers,
            self.numComputeWorkers,
        )
        single = self.singleBlockComputeWorkers
        threads = kind == CW_THREADS
        processors = os.cpu_count() or 1
        yield from extraparams.contradictions(self.computeWorkerExtraParams, kind, CW_SUBPROC)
        yield from extraparams.pool_contradictions(
            self.computeWorkerExtraParams, not self.has_processes
        )
        yield from extraparams.counts_given_twice(
            self.computeWorkerExtraParams, workers, single, not self.has_processes
        )
        yield (
            single and workers > 0,
            f"numComputeWorkers={workers} must not be given with singleBlockComputeWorkers=True: "
            "there is one worker for every block",
        )
        yield (
            single and readers > 0,
            f"numReadWorkers={readers} must be 0 with singleBlockComputeWorkers=True: a worker of "
            "one block has nothing to read ahead",
        )
        yield (
            threads and bool(self.computeWorkersRead),
            "computeWorkersRead=True is not possible with CW_THREADS: leave it out, and set "
            "numReadWorkers",
        )
        yield (
            single and threads,
            "singleBlockComputeWorkers=True is not possible with CW_THREADS: drop it",
        )
        yield (
            single and kind == CW_AWSBATCH,
            "singleBlockComputeWorkers=True is not suitable for CW_AWSBATCH: set numComputeWorkers",
        )
        yield (
            workers > 0 and kind == CW_NONE,
            f"numComputeWorkers={workers} needs a computeWorkerKind other than CW_NONE, such as "
            "CW_THREADS",
        )
        yield (
            workers == 0 and kind != CW_NONE and not single and not self.grows,
            f"computeWorkerKind={kind} with numComputeWorkers=0 asks for no worker: make "
            "numComputeWorkers at least 1",
        )
        yield (
            kind != CW_NONE and not self.workers_read and readers == 0,
            f"with {kind} and numReadWorkers=0 nobody reads: "
            + ", or ".join(self._ways_to_read(kind)),
        )
        yield (
            threads and workers > processors,
            f"numComputeWorkers={workers} is not sensible with CW_THREADS: this machine has "
            f"{processors} processors; make numComputeWorkers at most {processors}",
        )


class FittingStyle(ConcurrencyStyle):
    """So many threads as fit: a job's blocks, and the machine's processors; without timeouts.

    One thread does all; a second one reads ahead; of more, one writes, a third of the others read
    and the rest compute. There are never more than processors that the process may use, and with
    one block there is one.

    Parameters
    ----------
    threads : int, optional
        The most there may be; None for one a processor.
    """

    def __init__(self, threads: int | None = None) -> None:
        if threads is not None and not (is_count(threads) and threads):
            raise ParameterError(f"threads={threads!r} must be a whole number of at least 1")
        super().__init__(**_NO_TIMEOUTS)
        self._threads = threads

    def fitting(self, blocks: int) -> ConcurrencyStyle:
        """Return the style for a job of so many blocks."""
        threads = processors() if self._threads is None else min(self._threads, processors())
        if threads == 1 or blocks == 1:
            return ConcurrencyStyle(**_NO_TIMEOUTS)
        readers = max(1, (threads - 1) // 3)
        workers = min(threads - 1 - readers, blocks)
        if not workers:
            return ConcurrencyStyle(readers, **_NO_TIMEOUTS)
        return ConcurrencyStyle(min(readers, blocks), workers, CW_THREADS, **_NO_TIMEOUTS)


_NO_TIMEOUTS: dict[str, Any] = dict.fromkeys(_TIMEOUTS)


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The timeouts of a :class:`ConcurrencyStyle` (s); None to wait without end."""

    read_insert: float | None = 10
    read_pop: float | None = 10
    compute_insert: float | None = 10
    compute_pop: float | None = 20
    barrier: float | None = 600

    @classmethod
    def of(cls, style: ConcurrencyStyle) -> Timeouts:
        """Take the timeouts of a style."""
        return cls(*(_finite(getattr(style, name)) for name in _TIMEOUTS))


def _finite(timeout: float | None) -> float | None:
    return None if timeout is None or math.isinf(timeout) else timeout


def _is_timeout(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return value is None
    return isinstance(value, numbers.Real) and float(value) > 0
