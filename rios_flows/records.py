"""What the engine tells of its work: one record per block and stage, and who may listen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from rios_flows.grid import ApplierBlockDefn, BlockGrid

#: What is done with each block, one after the other.
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
        of all outputs.
    lane : str
        The lane that did it, as "read-0".
    worker : str
        Where it was done: host and process, "host:pid".
    attempt : int
        1 at first, higher after a failure.
    start, end : float
        When (s, counted from the start of the run).
    nbytes : int
        Size of the pixels that went through, uncompressed (bytes).
    error : str
        Empty, or the first line of what went wrong with this attempt.
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


class RunInfo(NamedTuple):
    """What a listener may want to know before the first block.

    Attributes
    ----------
    name : str
        Job name, or the user function's name.
    blocks : BlockGrid
        How the working grid is cut into blocks.
    lanes : sequence of str
        Names of the lanes.
    """

    name: str
    blocks: BlockGrid
    lanes: Sequence[str]


class Listener:
    """Hears of a run, and does nothing: to be derived from.

    Called from several threads, in the lanes' own time, so be quick.
    """

    def started(self, info: RunInfo) -> None:
        """Hear that the lanes are about to start."""

    def recorded(self, record: BlockRecord) -> None:
        """Hear of one attempt at one stage of one block."""

    def written(self, done: int, total: int) -> None:
        """Hear that ``done`` of ``total`` blocks are written; called by the lane that writes."""

    def finished(self, error: BaseException | None) -> None:
        """Hear that all lanes have ended; ``error`` is what ended the run early."""
