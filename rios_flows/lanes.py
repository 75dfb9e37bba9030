"""The lanes of a run: who reads, computes and writes which block, and in what order."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence
from threading import Condition
from typing import TYPE_CHECKING, Any, NamedTuple

from rios_flows import otherargs, rioserrors
from rios_flows.associations import BlockAssociations
from rios_flows.buffers import SMALL_BLOCKS_BYTES, BlockBuffer, RunClock
from rios_flows.compute import detach, name_of
from rios_flows.concurrency import CW_NONE, ConcurrencyStyle, Timeouts
from rios_flows.gdalenv import inherited, run_options
from rios_flows.grid import ApplierBlockDefn, BlockGrid
from rios_flows.inputs.rasterize import VectorReader
from rios_flows.inputs.warp import READ_OPTIONS
from rios_flows.ledger import Ledger
from rios_flows.plan import Plan
from rios_flows.read import DatasetPool, handles_per_lane
from rios_flows.records import Listener, RunInfo
from rios_flows.resume.checkpoints import Checkpoints
from rios_flows.stages import Stages
from rios_flows.stop import LaneStopped, Stop
from rios_flows.tempfiles import TempfileManager
from rios_flows.turns import ReadTurns, Tickets
from rios_flows.types import UserFunction
from rios_flows.write import OutputSet

if TYPE_CHECKING:
    from rios_flows.resume.journal import Journal

__all__ = ["Lane", "LaneStopped", "Run", "lane_names"]

logger = logging.getLogger(__name__)


class Lane(NamedTuple):
    """One worker's whole share of a run.

    Attributes
    ----------
    name : str
        As "read-0".
    kind : str
        "read", "compute", "compute-write", "write" or "apply".
    run : callable
        Does the work, and returns when it is done. It raises the lane's own error, or LaneStopped
        where another lane's error ended the run.
    fail : callable
        Ends the run with an error from outside; waits for nothing.
    """

    name: str
    kind: str
    run: Callable[[], None]
    fail: Callable[[BaseException], None]


def lane_names(style: ConcurrencyStyle) -> tuple[str, ...]:
    """Return the names of the lanes of a run, as "read-0"; the last is the one that writes."""
    readers = tuple(f"read-{number}" for number in range(style.numReadWorkers))
    if style.numComputeWorkers:
        computers = (f"compute-{number}" for number in range(style.numComputeWorkers))
        return (*readers, *computers, "write")
    return (*readers, "compute-write") if readers else ("apply",)


class Run:
    """One run in progress: its lanes, and the state that they share.

    Parameters
    ----------
    plan : Plan
        What is to be done.
    function : callable
        The user function.
    other_args : object
        The user's further argument, or None.
    outputs : OutputSet
        Where blocks are written.
    tempfiles : TempfileManager
        For vectors that are burnt as a whole.
    listeners : sequence of Listener
        Who hears of each record.
    journal : Journal, optional
        Records what is written, and holds what an earlier run wrote.
    """

    def __init__(
        self,
        plan: Plan,
        function: UserFunction,
        other_args: Any,
        outputs: OutputSet,
        tempfiles: TempfileManager,
        listeners: Sequence[Listener] = (),
        journal: Journal | None = None,
    ) -> None:
        style, timeouts = plan.options.style, Timeouts.of(plan.options.style)
        self.plan = plan
        self.name = plan.options.job_name or name_of(function)
        self.stop = Stop()
        self.ledger = Ledger(plan.blocks, listeners)
        self.other_args = self._copies(other_args, journal.other_args if journal else None)
        self._todo = _remaining(plan, journal)
        self._env = {**run_options(), **READ_OPTIONS}
        self._vectors = VectorReader(tempfiles)
        self._running = 0
        self._ended = Condition()
        self._turns = ReadTurns(self._todo, plan.inputs)
        self._tickets = Tickets(len(self._todo))
        self.lanes = self._make_lanes()
        self._clock = RunClock(holds=len(self.lanes))
        self._stages = Stages(plan, function, outputs, self.ledger, self.stop, self._clock, journal)
        self._checkpoints = Checkpoints(journal, self.other_args, self.stop, self._clock)
        self._read_buffer = BlockBuffer(
            plan.infiles,
            style.numReadWorkers,
            timeouts.read_insert,
            timeouts.read_pop,
            "read",
            self._clock,
            SMALL_BLOCKS_BYTES,
        )
        self._compute_buffer = BlockBuffer(
            plan.outfiles,
            style.numComputeWorkers,
            timeouts.compute_insert,
            timeouts.compute_pop,
            "compute",
            self._clock,
            SMALL_BLOCKS_BYTES,
        )
        self.stop.on_failure(lambda: self._read_buffer.close(self.stop.reason))
        self.stop.on_failure(lambda: self._compute_buffer.close(self.stop.reason))

    @property
    def info(self) -> RunInfo:
        """What a listener may want to know before the first block."""
        lanes = tuple(lane.name for lane in self.lanes)
        return RunInfo(self.name, self.plan.blocks, lanes)

    def fail(self, error: BaseException) -> None:
        """End the run: the first error counts, and every lane that waits is woken."""
        # at once: Ctrl-C may come twice, the second time right here
        first = self.stop.fail(error)
        busy = self.ledger.busy()
        if not first or not busy:
            return
        # a running user function cannot be interrupted: say what is being waited for
        logger.warning("The run stops; waiting for %s", busy)
        if not isinstance(error, rioserrors.TimeoutError):
            error.add_note(f"When the run stopped: {busy}")

    def wait_for_lanes(self) -> None:
        """Wait until no lane runs; one that has not started yet ends at once after a failure."""
        while True:
            try:
                with self._ended:
                    self._ended.wait_for(lambda: self._running == 0)
                return
            except KeyboardInterrupt as error:
                # nothing may go on after the run, and a user function cannot be interrupted
                self.fail(error)

    def _copies(self, other_args: Any, saved: list[Any] | None) -> list[Any]:
        style = self.plan.options.style
        if style.computeWorkerKind == CW_NONE:
            if saved is not None:
                otherargs.restore(other_args, saved[0])
            return [other_args]
        if saved is not None:
            return saved
        try:
            return [copy.deepcopy(other_args) for _ in range(style.numComputeWorkers)]
        except Exception as error:
            raise rioserrors.ParameterError(
                f"otherArgs cannot be copied for each compute worker ({error}); give it attributes "
                "that copy.deepcopy takes, or compute without compute workers"
            ) from error

    def _make_lanes(self) -> tuple[Lane, ...]:
        bodies: dict[str, Callable[..., None]] = {
            "apply": self._apply_lane,
            "read": self._read_lane,
            "compute": self._compute_lane,
            "compute-write": self._compute_write_lane,
            "write": self._write_lane,
        }
        other_args = iter(self.other_args)
        lanes = []
        for name in lane_names(self.plan.options.style):
            kind = name.rstrip("0123456789").rstrip("-")
            own = (next(other_args),) if kind == "compute" else ()
            lanes.append(self._lane(name, kind, bodies[kind], *own))
        return tuple(lanes)

    def _lane(self, name: str, kind: str, work: Callable[..., None], *arguments: Any) -> Lane:
        def run() -> None:
            self._clock.release()
            with self._ended:
                self._running += 1
            try:
                with inherited(self._env):
                    self.stop.check()
                    work(name, *arguments)
            except LaneStopped:
                raise
            except BaseException as error:
                self.fail(error)
                raise
            finally:
                with self._ended:
                    self._running -= 1
                    self._ended.notify_all()

        return Lane(name, kind, run, self.fail)

    def _apply_lane(self, lane: str) -> None:
        plan, stages, other_args = self.plan, self._stages, self.other_args[0]
        stages.replay()
        with self._pool() as pool:
            for block in self._todo:
                self._checkpoints.take_block()
                inputs = BlockAssociations(plan.infiles)
                for item in plan.inputs:
                    inputs[item.source.key] = stages.read(lane, pool, item, block)
                stages.write(lane, block, stages.compute(lane, block, inputs, other_args))
                self._checkpoints.block_written()
        self._finish()

    def _read_lane(self, lane: str) -> None:
        with self._pool() as pool:
            while (turn := self._turns.take(self._begin_block)) is not None:
                block, item = turn
                if item is None:
                    continue
                array = self._stages.read(lane, pool, item, block)
                self._read_buffer.addBlockData(block, *item.source.key, array)

    def _begin_block(self, block: ApplierBlockDefn) -> None:
        self.stop.check()
        with self.ledger.waiting("insert_readbuffer"):
            self._read_buffer.reserve(block)

    def _compute_lane(self, lane: str, other_args: Any) -> None:
        while self._tickets.take():
            self._checkpoints.take_block()
            with self.ledger.waiting("pop_readbuffer"):
                block, inputs = self._read_buffer.popNextBlock()
            outputs = self._stages.compute(lane, block, inputs, other_args)
            detach(self.plan, outputs)
            with self.ledger.waiting("insert_computebuffer"):
                self._compute_buffer.insertCompleteBlock(block, outputs)

    def _compute_write_lane(self, lane: str) -> None:
        # row by row whatever the readers' order, so that otherArgs sees what it sees without them
        stages, other_args = self._stages, self.other_args[0]
        stages.replay()
        for block in self._todo:
            self._checkpoints.take_block()
            with self.ledger.waiting("pop_readbuffer"):
                inputs = self._read_buffer.popCompleteBlock(block)
            stages.write(lane, block, stages.compute(lane, block, inputs, other_args))
            self._checkpoints.block_written()
        self._finish()

    def _write_lane(self, lane: str) -> None:
        self._stages.replay()
        for _ in range(len(self._todo)):
            with self.ledger.waiting("pop_computebuffer"):
                block, outputs = self._compute_buffer.popNextBlock()
            self._stages.write(lane, block, outputs)
            self._checkpoints.block_written()
        self._finish()

    def _finish(self) -> None:
        self._checkpoints.all_written()
        self._stages.close()

    def _pool(self) -> DatasetPool:
        return DatasetPool(handles_per_lane(len(self.lanes)), self._vectors)


def _remaining(plan: Plan, journal: Journal | None) -> BlockGrid | list[ApplierBlockDefn]:
    """Return the blocks that no earlier run has left in the journal."""
    if journal is None or not journal.done:
        return plan.blocks
    logger.info("Resuming: %d of %d blocks are on disk", len(journal.done), len(plan.blocks))
    return [block for block in plan.blocks if block not in journal.done]
