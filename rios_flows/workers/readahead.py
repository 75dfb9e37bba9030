"""Reading in a worker: the inputs of the blocks to come, while a block is computed."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock, local
from typing import Self

from rios_flows.basics.types import BlockArray
from rios_flows.controls.associations import BlockAssociations
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.reports.records import Attempt
from rios_flows.runs.blockwork import BlockResult, BlockWork, InputReading


class ReadAhead:
    """Blocks under way in a worker, in the order in which they came.

    With ``numReadWorkers`` threads, each with files of its own, as far as the worker reads.
    """

    def __init__(self, work: BlockWork) -> None:
        self._work = work
        self._blocks: deque[tuple[ApplierBlockDefn, BlockAssociations | _Reading | None]] = deque()
        self._threads = work.plan.options.style.numReadWorkers
        self._pool: ThreadPoolExecutor | None = None
        self._own = local()
        self._lock = Lock()
        self._open = ExitStack()

    def __len__(self) -> int:
        return len(self._blocks)

    def put(self, block: ApplierBlockDefn, inputs: BlockAssociations | None) -> None:
        """Take a block; without inputs begin to read it, if there are threads for that."""
        reading: BlockAssociations | _Reading | None = inputs
        if inputs is None and self._threads:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, "read")
            reading = [
                (item, self._pool.submit(self._read, item, block))
                for item in self._work.plan.inputs
            ]
        self._blocks.append((block, reading))

    def run_next(self) -> BlockResult:
        """Work on the block that came first."""
        block, reading = self._blocks.popleft()
        if not isinstance(reading, list):
            return self._work.run(block, reading)
        made: list[Attempt] = []
        inputs = BlockAssociations(self._work.plan.infiles)
        failed = None
        for item, future in reading:
            array, error, attempts = future.result()
            made += attempts
            inputs[item.source.key] = array
            failed = failed or error
        if failed is not None:
            return self._work.failed(made, failed)
        return self._work.run(block, inputs, made)

    def _read(
        self, item: InputPlan, block: ApplierBlockDefn
    ) -> tuple[BlockArray | None, BaseException | None, list[Attempt]]:
        made: list[Attempt] = []
        try:
            reading: InputReading | None = getattr(self._own, "reading", None)
            if reading is None:
                with self._lock:
                    reading = self._own.reading = self._work.reading(self._threads)
                    self._open.enter_context(reading.pool)
            with self._work.with_settings():
                return reading.read(item, block, made), None, made
        except BaseException as error:
            return None, error, made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._open.close()


#: The inputs of a block, each as it will come from a thread: array, error, attempts.
_Reading = list[
    tuple[InputPlan, Future[tuple[BlockArray | None, BaseException | None, list[Attempt]]]]
]
