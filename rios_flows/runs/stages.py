"""The three stages of one block, each tried again where that may help, and each recorded."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from rios_flows import rioserrors
from rios_flows.basics.errortext import text_of
from rios_flows.basics.naming import name_of
from rios_flows.basics.types import BlockArray
from rios_flows.controls.associations import BlockAssociations
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.inputs.reading import DatasetPool, read_input
from rios_flows.jobs.job import Job
from rios_flows.jobs.snapshot import Snapshot
from rios_flows.outputs.outputset import OutputSet
from rios_flows.reports.records import Stage, Work
from rios_flows.runs.runstate import RunState
from rios_flows.runs.userfunction import compute_block

if TYPE_CHECKING:
    from rios_flows.runs.resume.journal import Journal

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: What a further try may mend, by stage. Nothing does where writing failed: GDAL writes a block
#: when it needs the room, and has dropped its pixels by the time it tells, with some later block.
MAY_PASS: dict[Stage, tuple[type[Exception], ...]] = {
    "read": (rioserrors.ImageReadError,),
    "compute": (rioserrors.WorkerExceptionError,),
}


class Stages:
    """The three stages of a block, as one lane does them.

    Parameters
    ----------
    lane : str
        The lane's name.
    job : Job
        What is to be done.
    outputs : OutputSet
        Where blocks are written.
    state : RunState
        What the lanes share.
    journal : Journal, optional
        Records what is written, and holds what an earlier run wrote.
    """

    def __init__(
        self,
        lane: str,
        job: Job,
        outputs: OutputSet,
        state: RunState,
        journal: Journal | None = None,
    ) -> None:
        self._function = job.function
        self._plan = job.plan
        self._retries = job.plan.options.retries
        self._outputs = outputs
        self._ledger, self._stop, self._clock = state
        self._journal = journal
        self._reading = {
            item.source.key: self._ledger.work(lane, "read", item.source.label)
            for item in job.plan.inputs
        }
        self._computing = self._ledger.work(lane, "compute", name_of(job.function))
        self._writing = self._ledger.work(lane, "write", "")

    def read(self, pool: DatasetPool, item: InputPlan, block: ApplierBlockDefn) -> BlockArray:
        """Read one input of a block."""

        def action() -> tuple[BlockArray, int]:
            array = read_input(pool, self._plan.blocks, item, block)
            return array, array.nbytes

        return self._try(self._reading[item.source.key], block, action, self._retries.io)

    def compute(
        self, block: ApplierBlockDefn, inputs: BlockAssociations, other_args: Any
    ) -> BlockAssociations:
        """Call the user function on a block; a failed try leaves no trace in ``other_args``."""
        tries = self._retries.user_function
        snapshot = Snapshot(other_args) if tries else None

        def action() -> tuple[BlockAssociations, int]:
            # the function may work in place, and then fail
            given = copy.deepcopy(inputs) if snapshot else inputs
            try:
                return compute_block(self._plan, self._function, other_args, block, given), 0
            except BaseException:
                if snapshot:
                    snapshot.restore()
                raise

        return self._try(self._computing, block, action, tries)

    def write(self, block: ApplierBlockDefn, outputs: BlockAssociations) -> None:
        """Write a block to every output."""

        def action() -> tuple[None, int]:
            arrays = self._outputs.write(block, outputs)
            if self._journal is not None:
                self._journal.add(block, arrays)
            return None, sum([array.nbytes for array in arrays])

        self._try(self._writing, block, action)
        self._ledger.block_written()

    def replay(self) -> None:
        """Write the blocks that an earlier run has left; nobody's wait is measured meanwhile."""
        if self._journal is None:
            return
        with self._clock.held():
            for block, arrays in self._journal.replay():
                self._stop.check()
                self._outputs.write_again(block, arrays)
                self._ledger.block_written()

    def close(self) -> None:
        """Finish every output; nobody's wait is measured meanwhile."""
        with self._clock.held():
            self._outputs.close(self._ledger.timings)

    def _try(
        self,
        work: Work,
        block: ApplierBlockDefn,
        action: Callable[[], tuple[T, int]],
        further_tries: int = 0,
    ) -> T:
        if self._stop.error is not None:
            raise self._stop.reason()
        start = self._ledger.begin(work, block)
        try:
            result, nbytes = action()
        except BaseException as error:
            first_line = text_of(error).partition("\n")[0] or type(error).__name__
            self._ledger.end(work._replace(error=first_line), block, start, 0)
            if not further_tries or not isinstance(error, MAY_PASS[work.stage]):
                raise
            return self._try_again(work, block, action, further_tries, error)
        self._ledger.end(work, block, start, nbytes)
        return result

    def _try_again(
        self,
        work: Work,
        block: ApplierBlockDefn,
        action: Callable[[], tuple[T, int]],
        further_tries: int,
        error: Exception,
    ) -> T:
        with self._clock.held():
            for attempt in range(2, further_tries + 2):
                told = text_of(error).rstrip(".")
                logger.warning("%s. Trying again, %d of %d", told, attempt, further_tries + 1)
                self._stop.wait(self._retries.delay)
                try:
                    return self._try(work._replace(attempt=attempt), block, action)
                except MAY_PASS[work.stage] as again:
                    error = again
            raise error
