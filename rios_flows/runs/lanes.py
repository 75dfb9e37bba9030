"""The lanes of a run: which there are, and how they start, stop and end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from threading import Condition
from typing import TYPE_CHECKING, Any, NamedTuple

from rios_flows import rioserrors
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.gdal.settings import inherited, run_options
from rios_flows.inputs.warp import READ_OPTIONS
from rios_flows.jobs.job import Job
from rios_flows.outputs.outputset import OutputSet
from rios_flows.reports.records import Listener, RunInfo
from rios_flows.runs.clock import RunClock
from rios_flows.runs.lanework import LaneWork
from rios_flows.runs.ledger import Ledger
from rios_flows.runs.otherargs import of_each_worker
from rios_flows.runs.runstate import RunState
from rios_flows.runs.stop import LaneStopped, Stop

if TYPE_CHECKING:
    from rios_flows.runs.resume.journal import Journal

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
    return tuple(name for _, name in _planned(style))


def _planned(style: ConcurrencyStyle) -> tuple[tuple[str, str], ...]:
    """Return kind and name of each lane."""
    readers = tuple(("read", f"read-{number}") for number in range(style.numReadWorkers))
    if style.numComputeWorkers:
        computers = (("compute", f"compute-{n}") for n in range(style.numComputeWorkers))
        return (*readers, *computers, ("write", "write"))
    kind = "compute-write" if readers else "apply"
    return (*readers, (kind, kind))


class Run:
    """One run in progress: its lanes, and how they start and end.

    Parameters
    ----------
    job : Job
        What is to be done.
    outputs : OutputSet
        Where blocks are written.
    tempfiles : TempfileManager
        For vectors that are burnt as a whole.
    listeners : sequence of Listener
        Who hears of each record.
    journal : Journal, optional
        Records what is written, and holds what an earlier run wrote.

    Attributes
    ----------
    state : RunState
        What the lanes share.
    other_args : list
        Every worker's ``otherArgs``.
    lanes : tuple of Lane
        To be run at the same time, each in a thread of its own.
    """

    def __init__(
        self,
        job: Job,
        outputs: OutputSet,
        tempfiles: TempfileManager,
        listeners: Sequence[Listener] = (),
        journal: Journal | None = None,
    ) -> None:
        style = job.plan.options.style
        planned = _planned(style)
        self.job = job
        self.state = RunState(
            Ledger(job.plan.blocks, listeners), Stop(), RunClock(holds=len(planned))
        )
        saved = journal.other_args if journal is not None else None
        self.other_args = of_each_worker(job.other_args, style.numComputeWorkers, saved)
        self._env = {**run_options(), **READ_OPTIONS}
        self._running = 0
        self._ended = Condition()
        work = LaneWork(job, outputs, tempfiles, self.state, self.other_args, len(planned), journal)
        self.lanes = tuple(self._make_lanes(planned, work))

    @property
    def info(self) -> RunInfo:
        """What a listener may want to know before the first block."""
        lanes = tuple(lane.name for lane in self.lanes)
        return RunInfo(self.job.name, self.job.plan.blocks, lanes)

    def fail(self, error: BaseException) -> None:
        """End the run: the first error counts, and every lane that waits is woken."""
        # at once: Ctrl-C may come twice, the second time right here
        first = self.state.stop.fail(error)
        busy = self.state.ledger.busy()
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

    def _make_lanes(self, planned: Iterable[tuple[str, str]], work: LaneWork) -> Iterator[Lane]:
        bodies: dict[str, Callable[..., None]] = {
            "apply": work.apply,
            "read": work.read,
            "compute": work.compute,
            "compute-write": work.compute_write,
            "write": work.write,
        }
        other_args, numbers = iter(self.other_args), count()
        for kind, name in planned:
            own: tuple[Any, ...] = ()
            if kind == "read":
                own = (next(numbers),)
            elif kind != "write":
                own = (next(other_args),)
            yield self._lane(name, kind, bodies[kind], *own)

    def _lane(self, name: str, kind: str, work: Callable[..., None], *arguments: Any) -> Lane:
        def run() -> None:
            self.state.clock.release()
            with self._ended:
                self._running += 1
            try:
                with inherited(self._env):
                    self.state.stop.check()
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
