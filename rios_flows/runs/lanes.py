"""The lanes of a run: a class for each kind, and which of them a style has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from rios_flows.basics.naming import this_process
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.controls.associations import BlockAssociations
from rios_flows.controls.concurrency import Timeouts
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.reports.records import Attempt, Step
from rios_flows.runs.blocksource import BlockSource
from rios_flows.runs.blockwork import BlockResult, Executor, InputReading, vector_reader
from rios_flows.runs.buffers import SMALL_BLOCKS_BYTES, BlockBuffer
from rios_flows.runs.readbuffer import ReadBuffer
from rios_flows.runs.run import Run, compute_lanes, read_lanes
from rios_flows.runs.stop import LaneStopped
from rios_flows.runs.userfunction import detached

if TYPE_CHECKING:
    from rios_flows.inputs.rasterize import VectorReader

__all__ = ["Lane", "LaneStopped", "make_lanes"]

WRITING = Step("write", "")

#: A block, and its outputs.
Computed = tuple[ApplierBlockDefn, BlockAssociations]


class Lane(ABC):
    """One worker's whole share of a run, for a thread of its own; named as "read-0"."""

    kind: str

    def __init__(self, name: str, run: Run) -> None:
        self.name = name
        #: Ends the run with an error from outside; waits for nothing.
        self.fail = run.fail
        #: Ends it in good order: what is written is kept where the run may go on later.
        self.halt = run.halt
        #: Have it wait, and go on again.
        self.rest, self.go_on = run.rest, run.go_on
        self._run = run
        self._plan = run.job.plan
        self._attempts = run.attempts(name)
        self._process = this_process()

    def run(self) -> None:
        """Do the work; raises the lane's own error, or LaneStopped after another's."""
        with self._run.lane_runs():
            self._work()

    @abstractmethod
    def _work(self) -> None: ...

    def _outputs(self, block: ApplierBlockDefn, result: BlockResult) -> BlockAssociations:
        """Record what became of a block, and return its outputs."""
        self._run.ledger.end(self.name, block, result.attempts, result.worker, result.offset)
        if result.outputs is None:
            assert result.error is not None
            try:
                raise result.error
            finally:
                # the error knows this frame, which must not know the error
                del result
        return result.outputs


class ReadLane(Lane):
    """Reads inputs of its own, and others' where there is no room to go on with these."""

    kind = "read"

    def __init__(
        self, name: str, run: Run, number: int, vectors: VectorReader | None, into: ReadBuffer
    ) -> None:
        super().__init__(name, run)
        self._number = number
        self._reading = InputReading(self._plan, vectors, self._attempts, len(run.info.lanes))
        self._into = into

    def _work(self) -> None:
        waiting = self._run.ledger.waiting("insert_readbuffer")
        with self._reading.pool:
            while (turn := self._into.take_turn(self._number, waiting)) is not None:
                block, item = turn
                if item is not None:
                    self._read(item, block)

    def _read(self, item: InputPlan, block: ApplierBlockDefn) -> None:
        made: list[Attempt] = []
        try:
            array = self._reading.read(item, block, made)
        finally:
            self._run.ledger.end(self.name, block, made, self._process)
        self._into.addBlockData(block, *item.source.key, array)


class ComputeLane(Lane):
    """Has blocks computed as they come."""

    kind = "compute"

    def __init__(
        self, name: str, run: Run, executor: Executor, source: BlockSource, into: BlockBuffer
    ) -> None:
        super().__init__(name, run)
        self._executor = executor
        self._from = source
        self._into = into

    def _work(self) -> None:
        with ExitStack() as stack:
            # workers may have to start; nobody's wait is measured meanwhile
            with self._run.clock.held():
                executor = stack.enter_context(self._executor)
            self._compute(executor)

    def _compute(self, executor: Executor) -> None:
        inserting = self._run.ledger.waiting("insert_computebuffer")
        shared = executor.shares_memory
        for block, result in self._results(executor):
            outputs = self._outputs(block, result)
            if shared:
                outputs = detached(self._plan, outputs)
            with inserting:
                self._into.insertCompleteBlock(block, outputs)

    def _results(self, executor: Executor) -> Iterator[tuple[ApplierBlockDefn, BlockResult]]:
        popping, take = self._run.ledger.waiting("pop_readbuffer"), self._from.take
        if not executor.is_ready(lambda: self._from.left):
            return
        if executor.window == 1:
            while (taken := take(popping)) is not None:
                yield taken[0], executor.run(*taken)
            return
        under_way = 0
        while True:
            taken = None
            if under_way < executor.window:
                taken = take(popping, wait=not under_way)
            if taken is not None:
                executor.send(*taken)
                under_way += 1
            elif under_way:
                yield executor.receive()
                under_way -= 1
            else:
                return


class _Writing(Lane):
    """The lane that writes, block after block, and finishes the outputs."""

    def _work(self) -> None:
        self._replay()
        checkpoints, stop = self._run.checkpoints, self._run.stop
        with closing(self._computed()) as computed:
            for block, outputs in computed:
                if stop.resting:
                    stop.wait_while_resting()
                self._write(block, outputs)
                if checkpoints is not None:
                    checkpoints.block_written()
        if checkpoints is not None:
            checkpoints.all_written()
        # nobody's wait is measured meanwhile
        with self._run.clock.held():
            self._run.outputs.close(self._run.ledger.timings)

    @abstractmethod
    def _computed(self) -> Generator[Computed, None, None]: ...

    def _write(self, block: ApplierBlockDefn, outputs: BlockAssociations) -> None:
        run = self._run
        made: list[Attempt] = []

        def action() -> tuple[None, int]:
            arrays = run.outputs.write(block, outputs)
            if run.journal is not None:
                run.journal.add(block, arrays)
            return None, sum([array.nbytes for array in arrays])

        try:
            self._attempts.make(WRITING, block, action, made)
        finally:
            run.ledger.end(self.name, block, made, self._process)
        run.ledger.block_written()

    def _replay(self) -> None:
        """Write the blocks that an earlier run has left; nobody's wait is measured meanwhile."""
        if self._run.journal is None:
            return
        with self._run.clock.held():
            for block, arrays in self._run.journal.replay():
                self._run.stop.check()
                self._run.outputs.write_again(block, arrays)
                self._run.ledger.block_written()


class WriteLane(_Writing):
    """Writes the blocks that others compute, as they come."""

    kind = "write"

    def __init__(self, name: str, run: Run, source: BlockBuffer) -> None:
        super().__init__(name, run)
        self._from = source

    def _computed(self) -> Generator[Computed, None, None]:
        popping = self._run.ledger.waiting("pop_computebuffer")
        for _ in range(len(self._run.todo)):
            with popping:
                computed = self._from.popNextBlock()
            yield computed


class ApplyLane(_Writing):
    """Computes and writes row by row; reads, too, where no other lane does."""

    def __init__(
        self, name: str, run: Run, executor: Executor, source: BlockBuffer | None = None
    ) -> None:
        super().__init__(name, run)
        self.kind = name
        self._executor = executor
        self._from = source

    def _computed(self) -> Generator[Computed, None, None]:
        # row by row whatever the readers' order, so that otherArgs sees what it sees without them
        popping, checkpoints = self._run.ledger.waiting("pop_readbuffer"), self._run.checkpoints
        inputs = None
        with self._executor as executor:
            for block in self._run.todo:
                if checkpoints is not None:
                    checkpoints.take_block()
                if self._from is not None:
                    with popping:
                        inputs = self._from.popCompleteBlock(block)
                yield block, self._outputs(block, executor.run(block, inputs))


def make_lanes(run: Run, tempfiles: TempfileManager) -> Sequence[Lane]:
    """Return the lanes of a run, to be run at the same time, each in a thread of its own."""
    plan, style = run.job.plan, run.job.plan.options.style
    limits, readers, names = Timeouts.of(style), read_lanes(style), run.info.lanes
    lanes: list[Lane] = []
    read = None
    if readers:
        read = ReadBuffer(run.todo, plan.inputs, plan.infiles, len(readers), limits, run.clock)
        run.stop.on_failure(lambda: read.close(run.stop.reason))
        vectors = vector_reader(plan, tempfiles)
        lanes += [ReadLane(name, run, n, vectors, read) for n, name in enumerate(readers)]
    computing = compute_lanes(style)
    if not computing:
        return [*lanes, ApplyLane(names[-1], run, run.executors[0], read)]
    computed = BlockBuffer(
        plan.outfiles,
        len(computing),
        limits.compute_insert,
        limits.compute_pop,
        "compute",
        run.clock,
        SMALL_BLOCKS_BYTES,
    )
    run.stop.on_failure(lambda: computed.close(run.stop.reason))
    source = BlockSource(run.todo, read, run.checkpoints)
    for name, executor in zip(computing, run.executors, strict=True):
        lanes.append(ComputeLane(name, run, executor, source, computed))
    return [*lanes, WriteLane(names[-1], run, computed)]
