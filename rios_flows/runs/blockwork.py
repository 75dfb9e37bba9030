"""The work on one block, reading and computing: a value in, a value out, wherever that is done."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from rios_flows.basics.naming import name_of, this_process
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.basics.tracebacks import shortened
from rios_flows.basics.types import BlockArray, UserFunction
from rios_flows.controls.associations import BlockAssociations
from rios_flows.gdal.settings import inherited
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.inputs.reading import DatasetPool, handles_per_lane, read_input
from rios_flows.inputs.validity import valid_pixels
from rios_flows.jobs.plan import Plan
from rios_flows.jobs.snapshot import Snapshot
from rios_flows.reports.records import Attempt, Step
from rios_flows.reports.results import WorkerErrorRecord
from rios_flows.rioserrors import RiosError
from rios_flows.runs.attempts import Attempts
from rios_flows.runs.clock import RunClock
from rios_flows.runs.userfunction import compute_block

if TYPE_CHECKING:
    from rios_flows.inputs.rasterize import VectorReader


class BlockResult:
    """What became of one block; it pickles, an error with the text of its traceback.

    Attributes
    ----------
    outputs : BlockAssociations or None
        What the user function left; None after an error.
    attempts : list of Attempt
        What was tried, one after the other.
    worker : str
        Where: host and process.
    error : BaseException or None
        What is to end the run.
    offset : float
        What that process's clock shows when that of the run's shows 0 (s).
    """

    # no tuple with names and no frozen dataclass: one is made for every block
    __slots__ = ("attempts", "error", "offset", "outputs", "worker")

    def __init__(
        self,
        outputs: BlockAssociations | None,
        attempts: list[Attempt],
        worker: str,
        error: BaseException | None = None,
        offset: float = 0,
    ) -> None:
        self.outputs, self.attempts, self.worker = outputs, attempts, worker
        self.error, self.offset = error, offset

    def __reduce__(self) -> tuple[Any, ...]:
        error = shortened(self.error) if isinstance(self.error, RiosError) else self.error
        told = None if error is None else WorkerErrorRecord(error, "compute")
        return _received, (self.outputs, self.attempts, self.worker, told, self.offset)


def _received(
    outputs: BlockAssociations | None,
    attempts: list[Attempt],
    worker: str,
    told: WorkerErrorRecord | None,
    offset: float,
) -> BlockResult:
    return BlockResult(outputs, attempts, worker, None if told is None else told.exc, offset)


class Executor(ABC):
    """Where a lane has its blocks worked on: in its own thread, or wherever there is a worker.

    The lane's thread uses it in a ``with`` block. It needs ``run`` where one block is under way at
    a time, and else ``send``, ``receive`` and ``window``.
    """

    #: How many blocks may be under way.
    window = 1
    #: Whether outputs share memory with what the user function keeps.
    shares_memory = True
    #: The worker's ``otherArgs``.
    other_args: Any
    _sent: tuple[ApplierBlockDefn, BlockAssociations | None]

    def run(self, block: ApplierBlockDefn, inputs: BlockAssociations | None = None) -> BlockResult:
        """Work on one block; without inputs it is read there, too."""
        self.send(block, inputs)
        return self.receive()[1]

    def send(self, block: ApplierBlockDefn, inputs: BlockAssociations | None) -> None:
        """Have one more block worked on."""
        self._sent = block, inputs

    def receive(self) -> tuple[ApplierBlockDefn, BlockResult]:
        """Return what became of the block that was sent first; it may take a while."""
        block, inputs = self._sent
        return block, self.run(block, inputs)

    def is_ready(self, left: Callable[[], int]) -> bool:
        """Wait for a place to work at; return False if no block is left by then.

        ``left`` tells how many blocks nobody has taken.
        """
        return True

    def bring_other_args(self) -> Any:
        """Return ``otherArgs`` as they are now, with no block under way."""
        return self.other_args

    def interrupt(self) -> None:  # noqa: B027 - most have nothing to do
        """Wake whoever waits here, as the run has failed; for any thread."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...


class InputReading:
    """Reads the inputs of blocks, one by one; for use by one thread, which closes the pool."""

    def __init__(
        self, plan: Plan, vectors: VectorReader | None, attempts: Attempts, lanes: int = 1
    ) -> None:
        self._attempts = attempts
        self._blocks = plan.blocks
        self._tries = plan.options.retries.io
        self._steps = {item.source.key: Step("read", item.source.label) for item in plan.inputs}
        self.pool = DatasetPool(handles_per_lane(lanes), vectors)

    def read(self, item: InputPlan, block: ApplierBlockDefn, made: list[Attempt]) -> BlockArray:
        """Read one input of a block."""

        def action() -> tuple[BlockArray, int]:
            array = read_input(self.pool, self._blocks, item, block)
            return array, array.nbytes

        step = self._steps[item.source.key]
        return self._attempts.make(step, block, action, made, self._tries)


class BlockWork(Executor):
    """Reads and computes blocks for one compute worker, in this process or any other.

    It pickles: what is open, and what ties it to a run, stays behind. It is an :class:`Executor`.

    Parameters
    ----------
    plan, function, other_args
        Those of the job; the worker has an ``otherArgs`` of its own.
    settings : dict
        GDAL's settings, and the credentials of the caller.
    attempts : Attempts, optional
        Makes the attempts, where a run follows them.
    """

    def __init__(
        self,
        plan: Plan,
        function: UserFunction,
        other_args: Any,
        settings: dict[str, Any],
        attempts: Attempts | None = None,
    ) -> None:
        self.other_args = other_args
        self.plan, self._function, self._settings = plan, function, settings
        self._retries = plan.options.retries
        self._attempts = attempts or Attempts(self._retries.delay)
        self._computing = Step("compute", name_of(function))
        self._worker = this_process()
        self._open = ExitStack()
        self._inputs: InputReading | None = None
        self._tempfiles: TempfileManager | None = None
        self._vectors: VectorReader | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return BlockWork, (self.plan, self._function, self.other_args, self._settings)

    def with_tempdir(self, tempdir: str) -> BlockWork:
        """Return the same work, with temporary files in another directory."""
        plan = replace(self.plan, options=replace(self.plan.options, tempdir=tempdir))
        return BlockWork(plan, self._function, self.other_args, self._settings)

    def run(
        self,
        block: ApplierBlockDefn,
        inputs: BlockAssociations | None = None,
        made: list[Attempt] | None = None,
    ) -> BlockResult:
        """Read a block, unless its inputs are given, and call the user function on it.

        ``made`` has the attempts at reading it, where these were made elsewhere.
        """
        made = [] if made is None else made
        try:
            given = self.read(block, made) if inputs is None else inputs
            outputs = self._compute(block, given, made)
        except BaseException as error:
            return self.failed(made, error)
        return BlockResult(outputs, made, self._worker)

    def begins(self, block: ApplierBlockDefn) -> None:
        """Note that somebody else works on a block from now on."""
        self._attempts.begins(self._computing, block)

    @property
    def clock(self) -> RunClock:
        """The clock of the run."""
        return self._attempts.clock

    def failed(self, made: list[Attempt], error: BaseException) -> BlockResult:
        """Return the result of a block that could not be worked on."""
        return BlockResult(None, made, self._worker, error)

    def reading(self, lanes: int = 1) -> InputReading:
        """Return what reads inputs, for use by one of so many threads, which closes its pool."""
        if self._tempfiles is None:
            self._tempfiles = self._open.enter_context(TempfileManager(self.plan.options.tempdir))
            self._vectors = vector_reader(self.plan, self._tempfiles)
        return InputReading(self.plan, self._vectors, self._attempts, lanes)

    def with_settings(self) -> AbstractContextManager[None]:
        """Give another thread GDAL's settings of the job."""
        return inherited(self._settings)

    def read(self, block: ApplierBlockDefn, made: list[Attempt]) -> BlockAssociations:
        """Read the inputs of a block."""
        reading = self._inputs or self._own_reading()
        inputs = BlockAssociations(self.plan.infiles)
        for item in self.plan.inputs:
            inputs[item.source.key] = reading.read(item, block, made)
        return inputs

    def _own_reading(self) -> InputReading:
        self._inputs = self.reading()
        self._open.enter_context(self._inputs.pool)
        return self._inputs

    def _find_valid(
        self, item: InputPlan, block: ApplierBlockDefn, pixels: BlockArray
    ) -> NDArray[np.bool_] | None:
        """Tell which pixels of an input are valid; others may have read it, but not its masks."""
        reading = self._inputs or self._own_reading()
        return valid_pixels(reading.pool, self.plan.blocks, item, block, pixels)

    def _compute(
        self, block: ApplierBlockDefn, inputs: BlockAssociations, made: list[Attempt]
    ) -> BlockAssociations:
        """Call the user function; a failed try leaves no trace in ``other_args``."""
        tries = self._retries.user_function
        snapshot = Snapshot(self.other_args) if tries else None

        def action() -> tuple[BlockAssociations, int]:
            # the function may work in place, and then fail
            given = copy.deepcopy(inputs) if snapshot else inputs
            try:
                return compute_block(
                    self.plan, self._function, self.other_args, block, given, self._find_valid
                ), 0
            except BaseException:
                if snapshot:
                    snapshot.restore()
                raise

        return self._attempts.make(self._computing, block, action, made, tries)

    def __enter__(self) -> Self:
        self._open.enter_context(self.with_settings())
        return self

    def __exit__(self, *_: object) -> None:
        self._inputs = self._tempfiles = self._vectors = None
        self._open.close()


def vector_reader(plan: Plan, tempfiles: TempfileManager) -> VectorReader | None:
    """Return who reads the vector inputs, if there are any."""
    if all(item.vector is None for item in plan.inputs):
        return None
    # few jobs have vectors, and what these need takes a while to import
    from rios_flows.inputs.rasterize import VectorReader

    return VectorReader(tempfiles)
