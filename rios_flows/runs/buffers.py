"""Bounded buffers of blocks between lanes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import TIMEOUT_MAX, Condition, Lock

from rios_flows import rioserrors
from rios_flows.basics.types import BlockArray
from rios_flows.controls.associations import BlockAssociations, FilenameAssociations
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.runs.clock import RunClock

#: Each hand-over between threads costs as much as a small block itself. So that it happens less
#: often, blocks may be more than twice the workers while they are small and pass quickly: as many
#: as take no more than this together (bytes), and no more than this.
SMALL_BLOCKS_BYTES = 2 * 2**20
MOST_SMALL_BLOCKS = 64

#: Quickly is: so many blocks, one after the other, within this time (s).
QUICK_BLOCKS = 32
QUICK_TIME = 0.064


class BlockBufferValue:
    """The arrays of one block, and whether all have come.

    Parameters
    ----------
    filenameAssoc : FilenameAssociations, optional
        Names whose arrays are awaited.
    blockData : BlockAssociations, optional
        Arrays that are all there, in place of ``filenameAssoc``.
    """

    __slots__ = ("_lock", "_missing", "blockData")

    def __init__(
        self,
        filenameAssoc: FilenameAssociations | None = None,
        blockData: BlockAssociations | None = None,
    ) -> None:
        self._lock = Lock()
        if blockData is not None:
            self.blockData, self._missing = blockData, 0
        else:
            self.blockData = BlockAssociations(filenameAssoc)
            self._missing = 0 if filenameAssoc is None else len(filenameAssoc)

    def addData(self, name: str, seqNum: int | None, arr: BlockArray) -> None:
        """Put in the array of one raster; a second one takes the place of the first.

        Raises
        ------
        KeyError
            If no such array is awaited.
        """
        with self._lock:
            self._missing -= self.blockData[name, seqNum] is None
            self.blockData[name, seqNum] = arr

    def complete(self) -> bool:
        """Tell whether every array is there."""
        return self._missing <= 0

    @property
    def nbytes(self) -> int:
        """How much memory the arrays take (bytes)."""
        total = 0
        for entry in vars(self.blockData).values():
            for array in entry if isinstance(entry, (list, tuple)) else (entry,):
                total += getattr(array, "nbytes", 0)
        return total


class BlockBuffer:
    """Blocks that wait for the next lane; thread-safe, and bounded.

    Parameters
    ----------
    filenameAssoc : FilenameAssociations
        The names of the arrays of each block.
    numWorkers : int
        Number of workers that fill the buffer; it holds twice as many blocks, at least two.
    insertTimeout, popTimeout : float or None
        Longest wait for room, and for a block (s); None to wait without end.
    bufferTypeName : str
        "read" or "compute": names the timeout in messages.
    clock : RunClock, optional
        By what the waits are measured.
    smallBlocksBytes : int, optional
        As long as blocks pass quickly, as many may wait as take no more than this together (bytes).
    """

    def __init__(
        self,
        filenameAssoc: FilenameAssociations | None,
        numWorkers: int,
        insertTimeout: float | None,
        popTimeout: float | None,
        bufferTypeName: str,
        clock: RunClock | None = None,
        smallBlocksBytes: int = 0,
    ) -> None:
        self.filenameAssoc = filenameAssoc
        self.insertTimeout = insertTimeout
        self.popTimeout = popTimeout
        self.bufferTypeName = bufferTypeName
        self.numBlocksPopped = 0
        self._least = self._capacity = max(2, 2 * numWorkers)
        #: who waits for room is woken when there are no more blocks than this
        self._low = self._capacity - 1
        self._largest = 0
        self._popped: deque[float] = deque(maxlen=QUICK_BLOCKS)
        self._small_blocks_bytes = smallBlocksBytes
        self._clock = clock or RunClock()
        self._blocks: dict[ApplierBlockDefn, BlockBufferValue] = {}
        #: those that are complete, in the order in which they became so
        self._ready: dict[ApplierBlockDefn, BlockBufferValue] = {}
        self._choosy = 0
        self._closed: Callable[[], BaseException] | None = None
        self._lock = Lock()
        self._room = Condition(self._lock)
        self._arrived = Condition(self._lock)
        #: for which blocks somebody waits for room, and how many wait for a block to be complete:
        #: mostly nobody, and then nobody is to be woken
        self._wanted: list[ApplierBlockDefn] = []
        self._idle = 0

    def addBlockData(
        self, blockDefn: ApplierBlockDefn, name: str, seqNum: int | None, arr: BlockArray
    ) -> None:
        """Put in one array of a block; takes room first where the block is new."""
        with self._lock:
            if blockDefn not in self._blocks:
                self._take_room(blockDefn, BlockBufferValue(self.filenameAssoc))
            value = self._blocks[blockDefn]
            value.addData(name, seqNum, arr)
            if value.complete():
                self._announce(blockDefn, value)

    def insertCompleteBlock(
        self, blockDefn: ApplierBlockDefn, blockData: BlockAssociations
    ) -> None:
        """Put in all arrays of a block at once."""
        value = BlockBufferValue(blockData=blockData)
        with self._lock:
            self._take_room(blockDefn, value)
            self._blocks[blockDefn] = value
            self._announce(blockDefn, value)

    def popNextBlock(self) -> tuple[ApplierBlockDefn, BlockAssociations]:
        """Take out the block that was complete first.

        Raises
        ------
        TimeoutError
            If no block was complete within the pop timeout.
        """
        with self._lock:
            if not self._ready or self._closed is not None:
                self._wait_idle(lambda: bool(self._ready), self.popTimeout)
            block = next(iter(self._ready))
            return block, self._take_out(block)

    def popReadyBlock(self) -> tuple[ApplierBlockDefn, BlockAssociations] | None:
        """Take out the block that was complete first, if there is one now."""
        with self._lock:
            block = next(iter(self._ready), None)
            return None if block is None else (block, self._take_out(block))

    def popCompleteBlock(self, blockDefn: ApplierBlockDefn) -> BlockAssociations:
        """Take out one block, waiting until it is complete."""
        with self._lock:
            self._wait_for(blockDefn, self.popTimeout)
            return self._take_out(blockDefn)

    def waitCompletion(self, blockDefn: ApplierBlockDefn, timeout: float | None = None) -> bool:
        """Wait up to ``timeout`` seconds until a block is complete, and tell whether it is."""
        with self._lock:
            try:
                self._wait_for(blockDefn, timeout)
            except rioserrors.TimeoutError:
                return False
            return True

    def timeoutName(self, timeoutType: str) -> str:
        """Name the timeout of ConcurrencyStyle that rules a wait of type "Insert" or "Pop"."""
        return f"{self.bufferTypeName}Buffer{timeoutType}Timeout"

    def close(self, reason: Callable[[], BaseException]) -> None:
        """Wake everyone that waits, now and later, with the exception that ``reason`` makes."""
        with self._lock:
            self._closed = reason
            self._room.notify_all()
            self._arrived.notify_all()

    def _wait_for(self, block: ApplierBlockDefn, timeout: float | None) -> None:
        self._choosy += 1
        try:
            self._wait_idle(lambda: block in self._ready, timeout)
        finally:
            self._choosy -= 1

    def _wait_idle(self, ready: Callable[[], bool], timeout: float | None) -> None:
        self._idle += 1
        try:
            self._wait(self._arrived, ready, timeout, "Pop")
        finally:
            self._idle -= 1

    def _reserve(self, block: ApplierBlockDefn) -> None:
        """Take room for a block before its first array is there."""
        value = BlockBufferValue(self.filenameAssoc)
        self._take_room(block, value)
        if value.complete():  # there is no array to come
            self._announce(block, value)

    def _take_room(self, block: ApplierBlockDefn, value: BlockBufferValue) -> None:
        self._wait_for_room(block)
        if block not in self._blocks:
            self._blocks[block] = value
            if block in self._wanted:
                # by someone else, who may add to it now
                self._room.notify_all()

    def _wait_for_room(
        self, block: ApplierBlockDefn, needless: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait until there is room for a block, or it has become needless."""
        if self._closed is None and self._has_room_for(block):
            return
        self._wanted.append(block)
        try:
            self._wait(
                self._room,
                lambda: needless() or self._has_room_for(block),
                self.insertTimeout,
                "Insert",
            )
        finally:
            self._wanted.remove(block)

    def _has_room_for(self, block: ApplierBlockDefn) -> bool:
        return block in self._blocks or len(self._blocks) < self._capacity

    def _announce(self, block: ApplierBlockDefn, value: BlockBufferValue) -> None:
        if self._small_blocks_bytes:
            self._largest = max(self._largest, value.nbytes)
        self._ready[block] = value
        if self._choosy:
            # the one that is woken might be waiting for another block
            self._arrived.notify_all()
        elif self._idle:
            self._arrived.notify()

    def _adapt(self) -> None:
        """Make more room while blocks are small and pass quickly; take it back when they do not."""
        now = time.monotonic()
        self._popped.append(now)
        room = self._least
        if len(self._popped) == QUICK_BLOCKS and now - self._popped[0] < QUICK_TIME:
            allowed = self._small_blocks_bytes // max(1, self._largest)
            room = max(room, min(MOST_SMALL_BLOCKS, allowed))
        self._capacity = room
        # who is woken among many blocks finds something to do for a while
        self._low = room // 2 if room > self._least else room - 1

    def _take_out(self, block: ApplierBlockDefn) -> BlockAssociations:
        del self._blocks[block]
        value = self._ready.pop(block)
        self.numBlocksPopped += 1
        if self._small_blocks_bytes:
            self._adapt()
        if self._wanted and len(self._blocks) <= self._low:
            self._room.notify()
        return value.blockData

    def _wait(
        self, condition: Condition, ready: Callable[[], bool], timeout: float | None, kind: str
    ) -> None:
        began: float | None = None
        while True:
            if self._closed is not None:
                raise self._closed()
            if ready():
                return
            if timeout is None:
                condition.wait()
                continue
            began = self._clock.now() if began is None else began
            left = timeout - (self._clock.now() - began)
            if left <= 0:
                raise self._timed_out(kind, timeout)
            # the clock may have rested meanwhile: look again; never spin while it rests
            condition.wait(min(max(float(left), 0.01), TIMEOUT_MAX))

    def _timed_out(self, kind: str, timeout: float) -> rioserrors.TimeoutError:
        if kind == "Insert":
            what = "Timeout acquiring access to BlockBuffer."
        else:
            what = f"BlockBuffer timeout. Number of blocks already popped: {self.numBlocksPopped}."
        advice = f"Try increasing {self.timeoutName(kind)} (current value = {timeout})"
        return rioserrors.TimeoutError(f"{what} {advice}")
