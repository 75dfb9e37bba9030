"""The executor of a lane whose blocks are worked on outside the process."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from typing import Any, Self

from rios_flows import rioserrors
from rios_flows.basics.errortext import text_of
from rios_flows.controls.associations import BlockAssociations
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.runs.blockwork import BlockResult, BlockWork, Executor
from rios_flows.runs.stop import LaneStopped
from rios_flows.workers.crew import Crew
from rios_flows.workers.hello import Worker
from rios_flows.workers.relay import show
from rios_flows.workers.travel.luggage import unpack_state
from rios_flows.workers.wire import ConnectionLost
from rios_flows.workers.worker import UNCHANGED

logger = logging.getLogger(__name__)

#: A block whose worker is lost this often is not given to another.
MOST_LOSSES = 3


class RemoteExecutor(Executor):
    """Has the blocks of a lane worked on by one worker after another, as these may be lost.

    What a lost worker had in hand is worked on again. So are the blocks since its ``otherArgs``
    were last sent home, and their outputs are dropped: each block counts once.
    """

    window = 2
    shares_memory = False

    def __init__(self, crew: Crew, find_luggage: Callable[[BlockWork], bytes], work: BlockWork):
        self._crew = crew
        self._work = work
        self._luggage = find_luggage(work)
        #: otherArgs as they last came home, and the blocks that have changed them since
        self._state: bytes | None = None
        self._since: list[ApplierBlockDefn] = []
        self._under_way: deque[tuple[ApplierBlockDefn, BlockAssociations | None]] = deque()
        self._losses: Counter[ApplierBlockDefn] = Counter()
        self._worker: Worker | None = None
        self._using = RLock()
        self._stopped = False
        self._left: Callable[[], int] = lambda: 0

    def send(self, block: ApplierBlockDefn, inputs: BlockAssociations | None) -> None:
        """Have one more block worked on."""
        with self._using:
            self._under_way.append((block, inputs))
            if self._worker is not None:
                self._tell(self._worker, ("block", block, inputs))

    def receive(self) -> tuple[ApplierBlockDefn, BlockResult]:
        """Return what became of the block that was sent first; it may take a while."""
        with self._using:
            while True:
                block, _ = self._under_way[0]
                self._work.begins(block)
                try:
                    result = self._result(self._hired())
                except ConnectionLost:
                    told = self._lost()
                    self._losses[block] += 1
                    if self._losses[block] < MOST_LOSSES:
                        continue
                    result = self._work.failed([], self._kills_workers(block, told))
                self._under_way.popleft()
                return block, result

    def bring_other_args(self) -> Any:
        """Return ``otherArgs`` as they are now, with no block under way."""
        with self._using:
            while self._since:
                try:
                    worker = self._hired()
                    worker.connection.send(("state",))
                    _, self._state = self._answer(worker, "state")
                    self._since.clear()
                except ConnectionLost:
                    self._lost()
            if self._state is not None:
                self._work.other_args = unpack_state(self._state)
            return self._work.other_args

    def interrupt(self) -> None:
        """Wake whoever waits here, as the run has failed; for any thread."""
        self._stopped = True
        self._crew.interrupt()

    def __enter__(self) -> Self:
        with self._using:
            self._begin()
            return self

    def _begin(self) -> None:
        if self._crew.lane_begins():
            self._hired()

    def is_ready(self, left: Callable[[], int]) -> bool:
        """Wait for a worker, where the run began with fewer of them than lanes."""
        self._left = left
        if self._worker is None:
            worker = self._crew.join()
            if worker is None:
                return False
            with self._using:
                self._hire(worker)
        return True

    def __exit__(self, *error: object) -> None:
        try:
            if error[0] is None:
                self.bring_other_args()
                self._leave()
        finally:
            self._crew.leave(self._worker)
            self._worker = None

    def _leave(self) -> None:
        """Have the worker be ready for another lane, and show the last of what it has to say."""
        if self._worker is not None:
            with suppress(ConnectionLost):
                self._worker.connection.send(("leave",))
                self._answer(self._worker, "left")

    def _hired(self) -> Worker:
        """Return the worker of this lane, or wait for another one."""
        if self._worker is None:
            # nobody's wait is measured meanwhile
            with self._work.clock.held():
                while not self._hire(self._crew.take()):
                    pass
        assert self._worker is not None
        return self._worker

    def _hire(self, worker: Worker) -> bool:
        """Have a worker go on where the last one was lost; return whether it has come so far."""
        self._worker = worker
        try:
            self._engage(worker)
            self._repeat(worker)
        except ConnectionLost:
            self._lost()
            return False
        for message in self._under_way:
            self._tell(worker, ("block", *message))
        return True

    def _repeat(self, worker: Worker) -> None:
        """Have otherArgs become what they were: work again on the blocks of a lost worker."""
        workers_read = self._work.plan.options.style.workers_read
        left, self._since = deque(self._since), []
        with self._work:
            try:
                while left:
                    inputs = None if workers_read else self._work.read(left[0], [])
                    worker.connection.send(("block", left[0], inputs))
                    _, result, state = self._answer(worker, "result")
                    if result.error is not None:
                        raise self._cannot_repeat(left[0], result.error)
                    self._note_state(left.popleft(), state)
            finally:
                self._since += left

    def _engage(self, worker: Worker) -> None:
        worker.connection.send(("work", self._luggage, self._state))
        _, clock = self._answer(worker, "ready")
        worker.set_clock(clock)

    def _result(self, worker: Worker) -> BlockResult:
        result: BlockResult
        block, _ = self._under_way[0]
        _, result, state = self._answer(worker, "result")
        result.offset = worker.offset
        if not worker.useful:
            worker.useful = True
            self._crew.grow(self._left())
        if result.error is not None:
            result.error.add_note(f"It was {worker.name}")
        self._note_state(block, state)
        return result

    def _note_state(self, block: ApplierBlockDefn, state: bytes | None) -> None:
        """Note what a worker has sent home of otherArgs after a block."""
        if state is None:
            self._since.append(block)
            return
        self._since.clear()
        if state != UNCHANGED:
            self._state = state

    def _cannot_repeat(self, block: ApplierBlockDefn, error: BaseException) -> BaseException:
        error.add_note(
            f"{self._work.plan.describe(block).capitalize()} was worked on again, since otherArgs "
            "with what it left there were lost with a worker; this time it failed"
        )
        return error

    def _answer(self, worker: Worker, kind: str) -> Any:
        """Return the next message that is no talk."""
        while True:
            message = worker.connection.receive()
            if message[0] == kind:
                return message
            if message[0] == "failed":
                raise self._failure(worker, message[1].exc)
            show(worker.name, message)

    def _failure(self, worker: Worker, error: BaseException) -> BaseException:
        """Return what to raise where a worker can do nothing, with any block."""
        if isinstance(error, rioserrors.RiosError):
            error.add_note(f"in {worker.name}")
            return error
        failure = rioserrors.JobMgrError(
            f"Compute {worker.name} cannot go on: {type(error).__name__}: {text_of(error)}"
        )
        failure.__cause__ = error
        return failure

    def _tell(self, worker: Worker, message: object) -> None:
        try:
            worker.connection.send(message)
        except ConnectionLost:
            # to be noticed by whoever waits for an answer, after those that have come
            logger.debug("Worker %s is gone", worker.name)

    def _lost(self) -> str:
        """Note that the worker is gone, and say what is known of it."""
        worker, self._worker = self._worker, None
        if self._stopped:
            raise LaneStopped("stopped, since the run failed")
        assert worker is not None
        where = ""
        if self._under_way:
            where = f" at {self._work.plan.describe(self._under_way[0][0])}"
        # a queue takes a while to know; nobody's wait is measured meanwhile
        with self._work.clock.held():
            return self._crew.lost(worker, where)

    def _kills_workers(self, block: ApplierBlockDefn, told: str) -> Exception:
        return rioserrors.WorkerLostError(
            f"{MOST_LOSSES} workers were lost with {self._work.plan.describe(block)} (compute "
            f"stage): try this block alone, without compute workers. The last one was {told}"
        )


class SingleBlockExecutor(RemoteExecutor):
    """Has each block of a lane worked on by a worker of its own, in a job of its own."""

    window = 1

    def send(self, block: ApplierBlockDefn, inputs: BlockAssociations | None) -> None:
        """Order a worker for a block."""
        self._crew.order()
        super().send(block, inputs)

    def receive(self) -> tuple[ApplierBlockDefn, BlockResult]:
        """Return what became of the block, and send its worker home."""
        with self._using:
            done = super().receive()
            self.bring_other_args()
            self._leave()
            if self._worker is not None:
                self._crew.dismiss(self._worker)
                self._worker = None
            return done

    def _begin(self) -> None:
        # workers come with the blocks
        pass

    def is_ready(self, left: Callable[[], int]) -> bool:
        """Return True, for the same reason."""
        return True
