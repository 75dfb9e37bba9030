"""What a run gives back, and how an error in a worker is told."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass, field
from typing import Any

from rios_flows.records import BlockRecord, RunInfo
from rios_flows.timing import Timers


@dataclass
class ApplierReturn:
    """What ``apply`` returns.

    Attributes
    ----------
    timings : Timers
        How long was spent with what.
    otherArgsList : list
        The caller's ``otherArgs`` itself where one loop did all; else each compute worker's copy.
    workinggrid : PixelGridDefn
        The grid that was worked on.
    singlePassMgr : object
        What was done for pyramids, statistics and histograms while blocks passed.
    records : list of BlockRecord
        Every attempt at every stage of every block.
    info : RunInfo
        The run's name, blocks and lanes.
    """

    timings: Timers = field(default_factory=Timers)
    otherArgsList: list[Any] = field(default_factory=list)
    workinggrid: Any = None
    singlePassMgr: Any = None
    records: list[BlockRecord] = field(default_factory=list, repr=False)
    info: RunInfo | None = None

    @property
    def singlepassMgr(self) -> Any:
        """The same as ``singlePassMgr``; RIOS documents this spelling."""
        return self.singlePassMgr


class WorkerErrorRecord:
    """An exception in a worker, as text and object, to be told elsewhere.

    Parameters
    ----------
    exc : BaseException
        What was raised.
    workerType : str
        "main", "read" or "compute".
    workerID : int, optional
        Which of the workers.
    """

    def __init__(self, exc: BaseException, workerType: str, workerID: int | None = None) -> None:
        self.exc = exc
        self.workerType = workerType
        self.workerID = workerID
        # at once, since a traceback cannot be pickled
        self.formattedTraceback = "".join(traceback.format_exception(exc))

    def __str__(self) -> str:
        number = "" if self.workerID is None else f" {self.workerID}"
        return f"Error in {self.workerType} worker{number}\n{self.formattedTraceback}"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "exc": _picklable(self.exc)}


def _picklable(error: BaseException) -> BaseException:
    """Give the exception itself, or one with the same text where it would not survive a pickle."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
