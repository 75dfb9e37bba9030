"""The engine's records, one for each block and stage, and their listeners."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
from rios_flows.reports.cost import WorkerCost, no_workers

__all__ = [
    "STAGES",
    "Attempt",
    "BlockRecord",
    "BlockRecords",
    "InHand",
    "Listener",
    "RunInfo",
    "Stage",
    "Step",
]

#: The stages of each block, in order.
Stage = Literal["read", "compute", "write"]
STAGES: tuple[Stage, ...] = ("read", "compute", "write")


class BlockRecord(NamedTuple):
    """One attempt at one stage of one block.

    Attributes
    ----------
    block : ApplierBlockDefn
        The block, in pixels of the working grid.
    stage : str
        "read", "compute" or "write".
    name : str
        What was read ("nir", "dates[3]"), or the user function's name; empty for a write, which is
        for all outputs.
    lane : str
        The lane that did it, such as "read-0".
    worker : str
        Where it was done: host and process, "host:pid".
    attempt : int
        1 at first, higher after a failure.
    start, end : float
        When (s, counted from the start of the run).
    nbytes : int
        Uncompressed size of the pixels (bytes).
    error : str
        The first line of the error of this attempt, or empty.
    """

    block: ApplierBlockDefn
    stage: Stage
    name: str
    lane: str
    worker: str
    attempt: int
    start: float
    end: float
    nbytes: int
    error: str = ""


# top and left of a block, the number of what was done, start, end
_ROW = struct.Struct("=3i2d")
_COLUMNS = np.dtype([("place", "i4", 2), ("done", "i4"), ("times", "f8", 2)])


class Step(NamedTuple):
    """What is done at one stage of many blocks.

    Attributes
    ----------
    stage, name, attempt, error
        As in :class:`BlockRecord`.
    """

    stage: Stage
    name: str
    attempt: int = 1
    error: str = ""


#: One attempt at a step: the step, start and end by the ``time.perf_counter`` of the process that
#: made it (s), and the size of the pixels (bytes). A class would take longer to make than all the
#: rest of a record.
Attempt = tuple[Step, float, float, int]

#: What each lane is doing: step, block, and since when (``time.perf_counter``, s).
InHand = dict[str, tuple[Step, ApplierBlockDefn, float]]

#: What many attempts have in common: step, lane, worker, and the sizes: nrows, ncols, nbytes.
_Done = tuple[Step, str, str, int, int, int]


class BlockRecords(Sequence[BlockRecord]):
    """Records that take little memory: they are made on demand.

    Threads may add records while others read.

    Examples
    --------
    >>> records = BlockRecords()
    >>> attempt = (Step("read", "nir"), 0.5, 0.75, 65536)
    >>> records.add(ApplierBlockDefn(0, 0, 256, 256), "read-0", "host:1", [attempt])
    >>> [record.end - record.start for record in records]
    [0.25]
    """

    _ROWS_AT_ONCE = 4096

    def __init__(self) -> None:
        self._packed = bytearray()
        self._done: list[_Done] = []
        self._numbers: dict[_Done, int] = {}

    def add(
        self,
        block: ApplierBlockDefn,
        lane: str,
        worker: str,
        attempts: Iterable[Attempt],
        since: float = 0,
    ) -> None:
        """Add a record of each attempt; ``since`` is the start of the run, by their clock (s)."""
        top, left, nrows, ncols = block
        for step, start, end, nbytes in attempts:
            done = (step, lane, worker, nrows, ncols, nbytes)
            number = self._numbers.get(done)
            if number is None:
                number = self._number(done)
            # one call: what two threads add must not be mixed
            self._packed += _ROW.pack(top, left, number, start - since, end - since)

    def times(self, stage: Stage) -> Iterator[NDArray[np.float64]]:
        """Yield start and end of attempts at a stage (s), shape ``(n, 2)``: some at a time."""
        for first in range(0, len(self), self._ROWS_AT_ONCE):
            rows: NDArray[Any] = np.frombuffer(self._copied(first, self._ROWS_AT_ONCE), _COLUMNS)
            wanted = np.array([step.stage == stage for step, *_ in self._done], bool)
            yield rows["times"][wanted[rows["done"]]]

    def by_worker(self) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """Yield workers with start and end of their attempts (s), ``(n, 2)``: some at a time."""
        names, codes = np.unique([worker for _, _, worker, *_ in self._done], return_inverse=True)
        for first in range(0, len(self), self._ROWS_AT_ONCE):
            rows: NDArray[Any] = np.frombuffer(self._copied(first, self._ROWS_AT_ONCE), _COLUMNS)
            done = codes[rows["done"]]
            for code in np.unique(done):
                yield str(names[code]), rows["times"][done == code]

    def _number(self, done: _Done) -> int:
        # if two threads add the same, both get the first one
        self._done.append(done)
        number = self._numbers[done] = self._done.index(done)
        return number

    def __len__(self) -> int:
        return len(self._packed) // _ROW.size

    @overload
    def __getitem__(self, index: int) -> BlockRecord: ...

    @overload
    def __getitem__(self, index: slice) -> list[BlockRecord]: ...

    def __getitem__(self, index: int | slice) -> BlockRecord | list[BlockRecord]:
        places = range(len(self))[index]
        if isinstance(places, int):
            return self._rows(places, 1)[0]
        return [self._rows(place, 1)[0] for place in places]

    def __iter__(self) -> Iterator[BlockRecord]:
        for first in range(0, len(self), self._ROWS_AT_ONCE):
            yield from self._rows(first, self._ROWS_AT_ONCE)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (BlockRecords, list)):
            return NotImplemented
        return len(self) == len(other) and all(map(BlockRecord.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self):,} attempts>"

    def _copied(self, first: int, number: int) -> bytearray:
        # a copy: while a view of the bytes exists, none can be added
        return self._packed[first * _ROW.size : (first + number) * _ROW.size]

    def _rows(self, first: int, number: int) -> list[BlockRecord]:
        made = []
        for top, left, done, start, end in _ROW.iter_unpack(self._copied(first, number)):
            (stage, name, attempt, error), lane, worker, nrows, ncols, nbytes = self._done[done]
            block, times = ApplierBlockDefn(top, left, nrows, ncols), (start, end)
            made.append(
                BlockRecord(block, stage, name, lane, worker, attempt, *times, nbytes, error)
            )
        return made


class RunInfo(NamedTuple):
    """Facts that a listener may need before the first block.

    Attributes
    ----------
    name : str
        Job name, or the user function's name.
    blocks : BlockGrid
        How the working grid is cut into blocks.
    lanes : sequence of str
        Names of the lanes.
    records : sequence of BlockRecord
        The records so far; it grows while the run lasts.
    in_hand : dict
        What each lane of this process is doing, as it changes while the run lasts: step, block, and
        since when (``time.perf_counter``, s).
    cost : callable
        Returns what the workers outside the process have cost until now; None where there are none.
    resumed : int
        How many blocks an earlier run has written.
    """

    name: str
    blocks: BlockGrid
    lanes: Sequence[str]
    records: Sequence[BlockRecord] = ()
    in_hand: InHand = {}  # noqa: RUF012 - nobody writes into this one
    cost: Callable[[], WorkerCost | None] = no_workers
    resumed: int = 0


class Listener:
    """A listener to a run that does nothing; derive from it.

    Several threads call it, and the lanes wait for it, so be quick.
    """

    def started(self, info: RunInfo) -> None:
        """The lanes are about to start."""

    def recorded(self, record: BlockRecord) -> None:
        """One attempt at one stage of one block has ended."""

    def written(self, done: int, total: int) -> None:
        """``done`` of ``total`` blocks are written; the write lane calls this."""

    def finished(self, error: BaseException | None) -> None:
        """All lanes have ended; ``error`` is the error that ended the run early."""
