"""What each kind of lane does with the blocks of a run, and how it hands them over."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.controls.associations import BlockAssociations, FilenameAssociations
from rios_flows.controls.concurrency import Timeouts
from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
from rios_flows.inputs.reading import DatasetPool, handles_per_lane
from rios_flows.jobs.job import Job
from rios_flows.jobs.plan import Plan
from rios_flows.outputs.outputset import OutputSet
from rios_flows.runs.buffers import SMALL_BLOCKS_BYTES, BlockBuffer
from rios_flows.runs.checkpoints import Checkpoints
from rios_flows.runs.runstate import RunState
from rios_flows.runs.stages import Stages
from rios_flows.runs.turns import ReadTurns, Tickets
from rios_flows.runs.userfunction import detached

if TYPE_CHECKING:
    from rios_flows.inputs.rasterize import VectorReader
    from rios_flows.runs.resume.journal import Journal

logger = logging.getLogger(__name__)


class LaneWork:
    """What each kind of lane does, a method each; it returns when the lane's share is done.

    Parameters
    ----------
    job : Job
        What is to be done.
    outputs : OutputSet
        Where blocks are written.
    tempfiles : TempfileManager
        For vectors that are burnt as a whole.
    state : RunState
        What the lanes share.
    other_args : list
        Every worker's ``otherArgs``.
    lanes : int
        How many lanes there are.
    journal : Journal, optional
        Records what is written, and holds what an earlier run wrote.
    """

    def __init__(
        self,
        job: Job,
        outputs: OutputSet,
        tempfiles: TempfileManager,
        state: RunState,
        other_args: list[Any],
        lanes: int,
        journal: Journal | None = None,
    ) -> None:
        plan = self._plan = job.plan
        self._ledger, self._stop, self._clock = state
        self._todo = _remaining(plan.blocks, journal)
        self._turns = ReadTurns(self._todo, plan.inputs, max(1, plan.options.style.numReadWorkers))
        # one for all lanes that read: they wait for room one at a time
        self._reserving = self._ledger.waiting("insert_readbuffer")
        self._tickets = Tickets(len(self._todo))
        self._vectors = _vector_reader(plan, tempfiles)
        self._handles = handles_per_lane(lanes)
        self._stages = partial(Stages, job=job, outputs=outputs, state=state, journal=journal)
        self._checkpoints = Checkpoints(journal, other_args, self._stop, self._clock)
        style, limits = plan.options.style, Timeouts.of(plan.options.style)
        self._read_buffer = self._buffer(
            "read", plan.infiles, style.numReadWorkers, limits.read_insert, limits.read_pop
        )
        self._compute_buffer = self._buffer(
            "compute",
            plan.outfiles,
            style.numComputeWorkers,
            limits.compute_insert,
            limits.compute_pop,
        )

    def apply(self, lane: str, other_args: Any) -> None:
        """Do it all, block after block."""
        plan, stages = self._plan, self._stages(lane)
        stages.replay()
        with self._pool() as pool:
            for block in self._todo:
                self._checkpoints.take_block()
                inputs = BlockAssociations(plan.infiles)
                for item in plan.inputs:
                    inputs[item.source.key] = stages.read(pool, item, block)
                stages.write(block, stages.compute(block, inputs, other_args))
                self._checkpoints.block_written()
        self._finish(stages)

    def read(self, lane: str, number: int) -> None:
        """Read this lane's inputs, and others' where there is no room to go on with these."""
        stages = self._stages(lane)
        with self._pool() as pool:
            while (
                turn := self._turns.take(number, self._begin_block, self._read_buffer.reserveAtOnce)
            ) is not None:
                block, item = turn
                if item is None:
                    continue
                array = stages.read(pool, item, block)
                self._read_buffer.addBlockData(block, *item.source.key, array)

    def _begin_block(self, block: ApplierBlockDefn) -> None:
        self._stop.check()
        with self._reserving:
            self._read_buffer.reserve(block)

    def compute(self, lane: str, other_args: Any) -> None:
        """Compute blocks as they come."""
        stages = self._stages(lane)
        popping = self._ledger.waiting("pop_readbuffer")
        inserting = self._ledger.waiting("insert_computebuffer")
        while self._tickets.take():
            self._checkpoints.take_block()
            with popping:
                block, inputs = self._read_buffer.popNextBlock()
            outputs = detached(self._plan, stages.compute(block, inputs, other_args))
            with inserting:
                self._compute_buffer.insertCompleteBlock(block, outputs)

    def compute_write(self, lane: str, other_args: Any) -> None:
        """Compute and write the blocks that others read."""
        # row by row whatever the readers' order, so that otherArgs sees what it sees without them
        stages = self._stages(lane)
        popping = self._ledger.waiting("pop_readbuffer")
        stages.replay()
        for block in self._todo:
            self._checkpoints.take_block()
            with popping:
                inputs = self._read_buffer.popCompleteBlock(block)
            stages.write(block, stages.compute(block, inputs, other_args))
            self._checkpoints.block_written()
        self._finish(stages)

    def write(self, lane: str) -> None:
        """Write the blocks that others compute, as they come."""
        stages = self._stages(lane)
        popping = self._ledger.waiting("pop_computebuffer")
        stages.replay()
        for _ in range(len(self._todo)):
            with popping:
                block, outputs = self._compute_buffer.popNextBlock()
            stages.write(block, outputs)
            self._checkpoints.block_written()
        self._finish(stages)

    def _finish(self, stages: Stages) -> None:
        self._checkpoints.all_written()
        stages.close()

    def _buffer(
        self,
        name: Literal["read", "compute"],
        names: FilenameAssociations,
        workers: int,
        insert: float | None,
        pop: float | None,
    ) -> BlockBuffer:
        buffer = BlockBuffer(names, workers, insert, pop, name, self._clock, SMALL_BLOCKS_BYTES)
        self._stop.on_failure(lambda: buffer.close(self._stop.reason))
        return buffer

    def _pool(self) -> DatasetPool:
        return DatasetPool(self._handles, self._vectors)


def _vector_reader(plan: Plan, tempfiles: TempfileManager) -> VectorReader | None:
    """Return who reads the vector inputs, if there are any."""
    if all(item.vector is None for item in plan.inputs):
        return None
    # few jobs have vectors, and what these need takes a while to import
    from rios_flows.inputs.rasterize import VectorReader

    return VectorReader(tempfiles)


def _remaining(blocks: BlockGrid, journal: Journal | None) -> BlockGrid | list[ApplierBlockDefn]:
    """Return the blocks that no earlier run has left in the journal."""
    if journal is None or not journal.done:
        return blocks
    # a warning, so that it is seen: these blocks are not computed again
    logger.warning("Resuming: %d of %d blocks are on disk", len(journal.done), len(blocks))
    return [block for block in blocks if block not in journal.done]
