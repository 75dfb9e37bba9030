"""One run in progress: what its lanes share, and how they start, stop and end."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Condition, Timer
from typing import TYPE_CHECKING, Any

from rios_flows import rioserrors
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.gdal.settings import inherited, run_options
from rios_flows.geometry.grid import BlockGrid, SomeBlocks
from rios_flows.inputs.warp import READ_OPTIONS
from rios_flows.jobs.job import Job
from rios_flows.outputs.outputset import OutputSet
from rios_flows.reports.cost import no_workers
from rios_flows.reports.records import Listener, RunInfo
from rios_flows.reports.workerbook import WorkerBook
from rios_flows.runs.attempts import Attempts
from rios_flows.runs.blockwork import BlockWork, Executor
from rios_flows.runs.checkpoints import Checkpoints
from rios_flows.runs.clock import RunClock
from rios_flows.runs.ledger import Ledger
from rios_flows.runs.otherargs import can_change, of_each_worker
from rios_flows.runs.stop import LaneStopped, Stop

if TYPE_CHECKING:
    from rios_flows.runs.resume.journal import Journal

logger = logging.getLogger(__name__)

#: Longest wait for blocks in other processes when a run is ended from outside (s).
HALT_PATIENCE = 6.0

#: Finds a place for the work of one compute worker.
FindExecutor = Callable[[BlockWork], Executor]


def in_own_thread(work: BlockWork) -> Executor:
    """Have blocks worked on by the thread of the lane itself."""
    return work


def lane_settings() -> dict[str, Any]:
    """Return GDAL's settings for the lanes of a run of this thread, and for its workers."""
    return {**run_options(), **READ_OPTIONS}


def read_lanes(style: ConcurrencyStyle) -> tuple[str, ...]:
    """Return the names of the lanes that read, as "read-0"; none where the workers read."""
    readers = 0 if style.workers_read else style.numReadWorkers
    return tuple(f"read-{number}" for number in range(readers))


def compute_lanes(style: ConcurrencyStyle) -> tuple[str, ...]:
    """Return the names of the lanes that only compute, as "compute-0"."""
    return tuple(f"compute-{number}" for number in range(style.workers_at_once))


def lane_names(style: ConcurrencyStyle) -> tuple[str, ...]:
    """Return the names of the lanes of a run; the last is the one that writes."""
    readers, computing = read_lanes(style), compute_lanes(style)
    if computing:
        return (*readers, *computing, "write")
    return (*readers, "compute-write" if readers else "apply")


class Run:
    """One run in progress: what its lanes share, and how they start, stop and end.

    Attributes
    ----------
    info : RunInfo
        What a listener may want to know before the first block.
    ledger : Ledger
        Where attempts and waits are recorded.
    stop : Stop
        How one lane's failure ends the others.
    clock : RunClock
        Measures waits; it rests while something is tried again, replayed or closed.
    todo : BlockGrid or SomeBlocks
        The blocks that no earlier run has left in the journal.
    executors : list of Executor
        Where blocks are worked on: one for each lane that computes.
    checkpoints : Checkpoints or None
        When the journal is made safe, where there is one.
    """

    def __init__(
        self,
        job: Job,
        outputs: OutputSet,
        listeners: Sequence[Listener] = (),
        journal: Journal | None = None,
        find_executor: FindExecutor = in_own_thread,
        book: WorkerBook | None = None,
    ) -> None:
        plan, style = job.plan, job.plan.options.style
        self.job, self.outputs, self.journal = job, outputs, journal
        self.ledger, self.stop = Ledger(plan.blocks, listeners), Stop()
        cost = no_workers if book is None else partial(book.cost, self.ledger.records)
        seen = self.ledger.records, self.ledger.in_hand, cost
        self.todo = _remaining(plan.blocks, journal)
        resumed = len(plan.blocks) - len(self.todo)
        self.info = RunInfo(job.name, plan.blocks, lane_names(style), *seen, resumed=resumed)
        self.clock = RunClock(holds=len(self.info.lanes))
        self._settings = lane_settings()
        saved = journal.other_args if journal is not None else None
        computing = compute_lanes(style)
        own = of_each_worker(job.other_args, len(computing), saved)
        self.executors = [
            find_executor(
                BlockWork(plan, job.function, other_args, self._settings, self.attempts(lane))
            )
            for lane, other_args in zip(computing or self.info.lanes[-1:], own, strict=True)
        ]
        for executor in self.executors:
            self.stop.on_failure(executor.interrupt)
        self.checkpoints = None
        if journal is not None:
            self.checkpoints = Checkpoints(journal, lambda: self.other_args, self.stop, self.clock)
        self._running = 0
        self._ended = Condition()

    @property
    def other_args(self) -> list[Any]:
        """Every worker's ``otherArgs``, as they are now."""
        return [executor.bring_other_args() for executor in self.executors]

    def attempts(self, lane: str) -> Attempts:
        """Return what makes the attempts of a lane."""
        delay = self.job.plan.options.retries.delay
        return Attempts(delay, lane, self.stop, self.clock, self.ledger.in_hand)

    def fail(self, error: BaseException) -> None:
        """End the run: the first error counts, and every lane that waits is woken."""
        # at once: Ctrl-C may come twice, the second time right here
        first = self.stop.fail(error)
        # what has just begun ends soon, and is not worth a line
        busy = self.ledger.busy(0.05)
        if not first or not busy:
            return
        # a user function cannot be interrupted in this process: say what is being waited for
        waits = not self.job.plan.options.style.has_processes
        logger.warning("The run stops%s %s", "; waiting for" if waits else " amid", busy)
        if not isinstance(error, rioserrors.TimeoutError):
            error.add_note(f"When the run stopped: {busy}")

    def halt(self, error: BaseException) -> None:
        """End the run from outside, in good order; for any thread, and waits for nothing.

        Where blocks change ``otherArgs``, those in hand are written first, so that what is saved of
        both fits together.
        """
        if self.checkpoints is None or not can_change(self.job.other_args):
            self.fail(error)
            return
        if self.stop.resting:
            # what is in hand would never be written
            self.go_on()
        if self.job.plan.options.style.has_processes:
            # blocks elsewhere can be broken off, and are not waited for without end
            late = Timer(HALT_PATIENCE, self._fail_unless_ended, [error])
            late.daemon = True
            late.start()
        try:
            self.checkpoints.save_and(partial(self.fail, error))
        except Exception:
            self.fail(error)
            raise

    def _fail_unless_ended(self, error: BaseException) -> None:
        if self.stop.error is None:
            self.fail(error)

    def rest(self) -> None:
        """Have the lanes wait; nobody's wait is measured meanwhile."""
        self.clock.hold()
        self.stop.rest()

    def go_on(self) -> None:
        """End the rest."""
        self.stop.go_on()
        self.clock.release()

    def save_rest(self) -> None:
        """Save what is written, after a failure that has ended all lanes."""
        own = self.job.other_args
        if self.checkpoints is not None and not can_change(own):
            self.checkpoints.save_rest([own] * len(self.executors))

    @contextmanager
    def lane_runs(self) -> Iterator[None]:
        """Have a lane run for the length of a with block; its error ends the run."""
        self.clock.release()
        with self._ended:
            self._running += 1
        try:
            with inherited(self._settings):
                self.stop.check()
                yield
        except LaneStopped:
            raise
        except BaseException as error:
            self.fail(error)
            raise
        finally:
            with self._ended:
                self._running -= 1
                self._ended.notify_all()

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


def _remaining(blocks: BlockGrid, journal: Journal | None) -> BlockGrid | SomeBlocks:
    """Return the blocks that no earlier run has left in the journal."""
    if journal is None or not journal.done:
        return blocks
    # a warning, so that it is seen: these blocks are not computed again
    logger.warning("Resuming: %d of %d blocks are on disk", len(journal.done), len(blocks))
    done, journal.done = journal.done, set()  # needed no longer, and large
    left = (number for number, block in enumerate(blocks) if block not in done)
    return SomeBlocks(blocks, array("q", left))
