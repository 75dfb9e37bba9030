"""The result of a run, and errors of workers."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rios_flows import rioserrors
from rios_flows.basics import pickling
from rios_flows.basics.errortext import text_of, traceback_of
from rios_flows.basics.timing import Timers
from rios_flows.basics.types import Key
from rios_flows.reducers.statistics import BandStatistics
from rios_flows.reports.rasters import Outputs
from rios_flows.reports.records import BlockRecord, RunInfo

__all__ = ["ApplierReturn", "SinglePassManager", "WorkerErrorRecord"]


@dataclass
class SinglePassManager:
    """What the single pass of a run has made, for each output.

    Attributes
    ----------
    directPyramidsSupported : dict
        Whether the driver of an output can make overviews while it is written, by symbolic name.
    pyramids, statistics, histograms : dict
        Whether they were made while the output was written, by symbolic name.
    accumulators : dict
        Statistics of each band, by symbolic name and sequence number.
    """

    directPyramidsSupported: dict[str, bool] = field(default_factory=dict)
    pyramids: dict[str, bool] = field(default_factory=dict)
    statistics: dict[str, bool] = field(default_factory=dict)
    histograms: dict[str, bool] = field(default_factory=dict)
    accumulators: dict[Key, list[BandStatistics | None]] = field(default_factory=dict, repr=False)

    def doSinglePassPyramids(self, symbolicName: str) -> bool:
        """Return whether an output's overviews were made while it was written.

        Raises
        ------
        KeysMismatch
            If there is no such output.
        """
        return _of_output(self.pyramids, symbolicName)

    def doSinglePassStatistics(self, symbolicName: str) -> bool:
        """Return whether an output's statistics were made while it was written.

        Raises
        ------
        KeysMismatch
            If there is no such output.
        """
        return _of_output(self.statistics, symbolicName)

    def doSinglePassHistogram(self, symbolicName: str) -> bool:
        """Return whether an output's histogram was made while it was written.

        Raises
        ------
        KeysMismatch
            If there is no such output.
        """
        return _of_output(self.histograms, symbolicName)


def _of_output(known: dict[str, bool], name: str) -> bool:
    if name not in known:
        raise rioserrors.KeysMismatch(
            f"No output is called {name!r}; the outputs are {', '.join(known) or 'none'}"
        )
    return known[name]


@dataclass(repr=False)
class ApplierReturn:
    """What ``apply`` returns.

    Attributes
    ----------
    timings : Timers
        The time spent on each kind of work.
    otherArgsList : list
        The caller's ``otherArgs`` itself without compute workers; else each worker's copy.
    workinggrid : PixelGridDefn
        The working grid.
    singlePassMgr : SinglePassManager
        Which pyramids, statistics and histograms were made while blocks passed.
    records : sequence of BlockRecord
        Every attempt at every stage of every block.
    info : RunInfo
        The run's name, blocks and lanes.
    outputs : Outputs
        Every output by name, as it is under its final name: its path, its statistics, a quicklook,
        and ways to open it.
    showsOtherArgs : bool
        Whether ``summary()`` tells ``otherArgs``.
    state : object
        That of ``rios_flows.apply``: the states of all workers, merged.
    """

    timings: Timers = field(default_factory=Timers)
    otherArgsList: list[Any] = field(default_factory=list)
    workinggrid: Any = None
    singlePassMgr: Any = None
    records: Sequence[BlockRecord] = field(default_factory=list)
    info: RunInfo | None = None
    outputs: Outputs = field(default_factory=Outputs, init=False)
    showsOtherArgs: bool = field(default=False, init=False)
    state: Any = field(default=None, init=False)

    def __repr__(self) -> str:
        blocks = None if self.info is None else len(self.info.blocks)
        seconds = self.seconds
        outputs = list(getattr(self.singlePassMgr, "pyramids", ()))
        return f"{type(self).__name__}({blocks=}, {seconds=:.1f}, {outputs=})"

    def _repr_html_(self) -> str:
        from rios_flows.reports.notebooks import html_of

        return html_of(self)

    @property
    def seconds(self) -> float:
        """How long the run took, from start to end (s)."""
        return sum(self.timings.getDurationsForName("walltime") or ())

    def summary(self) -> dict[str, Any]:
        """Return what came of the run in words that JSON holds; see ``reports.outcome.Outcome``."""
        from rios_flows.reports.outcome import Outcome

        return Outcome.of(self).words()

    @property
    def singlepassMgr(self) -> Any:
        """The same as ``singlePassMgr``; RIOS documents this spelling."""
        return self.singlePassMgr


class WorkerErrorRecord:
    """An exception in a worker, as text and object, to be reported elsewhere.

    Parameters
    ----------
    exc : BaseException
        The exception.
    workerType : str
        "main", "read" or "compute".
    workerID : int, optional
        Which of the workers.
    """

    def __init__(self, exc: BaseException, workerType: str, workerID: int | None = None) -> None:
        self.exc = exc
        self.workerType = workerType
        self.workerID = workerID
        # now, since a traceback cannot be pickled
        self.formattedTraceback = traceback_of(exc) + "\n"

    def __str__(self) -> str:
        number = "" if self.workerID is None else f" {self.workerID}"
        return f"Error in {self.workerType} worker{number}\n{self.formattedTraceback}"

    def __getstate__(self) -> dict[str, Any]:
        # which an exception does not take along
        cause = _cause_of(self.exc)
        return {
            **vars(self),
            "exc": _packed(self.exc),
            "cause": None if cause is None else _packed(cause),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        exc, cause = state.pop("exc"), state.pop("cause")
        vars(self).update(state)
        self.exc = _unpacked(*exc)
        if cause is not None:
            cause = _unpacked(*cause)
            self.exc.__cause__ = cause
        (cause or self.exc).__cause__ = WorkerTraceback(self.formattedTraceback)


#: A longer message is cut where the error itself is lost (characters).
_LONGEST = 10_000


class WorkerTraceback(Exception):
    """The traceback of an error in another process, as text: the last one of its causes."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _cause_of(error: BaseException) -> BaseException | None:
    try:
        return error.__cause__
    except Exception:
        # its own attributes may raise
        return None


def _packed(error: BaseException) -> tuple[bytes, str]:
    """Pickle the exception, and say the same in words, for who does not know its class."""
    return _pickled(error), f"{type(error).__name__}: {text_of(error)[:_LONGEST]}"


def _unpacked(data: bytes, words: str) -> BaseException:
    try:
        error: BaseException = pickle.loads(data)
    except Exception:
        # of a module that the user function has found in the worker, and nobody here can
        return RuntimeError(words)
    return error


def _pickled(error: BaseException) -> bytes:
    """Pickle the exception, or one with the same text if it cannot be pickled."""
    try:
        data = pickling.dumps(error)
        pickle.loads(data)
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {text_of(error)}"))
    return data
