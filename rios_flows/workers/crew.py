"""The workers of a run: those that come, are lost, and come in place of others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from threading import Condition

from rios_flows import rioserrors
from rios_flows.reports.workerbook import WorkerBook
from rios_flows.runs.stop import LaneStopped
from rios_flows.workers import versions
from rios_flows.workers.hello import Hello, Worker
from rios_flows.workers.jobwatch import UNKNOWN, JobWatch
from rios_flows.workers.launchers.launcher import Launcher, WorkerJob
from rios_flows.workers.orders import Orders
from rios_flows.workers.wire import Connection, ConnectionLost

logger = logging.getLogger(__name__)

#: After so long a wait for workers, a line says what keeps them (s).
_QUIET = 30.0

#: How reasons begin for which the next job would not start, either.
_HOPELESS = ("exit code", "cannot start")


class Crew:
    """Workers, as many as are wanted, for whoever takes them.

    Parameters
    ----------
    number : int
        How many workers the run wants at first.
    patience : float or None
        Longest wait for all to come (s).
    pause : float
        Time between two questions to the launcher (s).
    lanes : int, optional
        How many lanes there may be, if some begin later; each has one more worker started then.
    most : int, optional
        How many workers there may be at a time, if not as many as lanes.
    grows : bool
        Whether more are started only as those that are there prove busy.
    kind : str
        Who starts them, for the book.

    Attributes
    ----------
    book : WorkerBook
        When each worker was ordered, came and ended.
    """

    def __init__(
        self,
        number: int,
        patience: float | None,
        pause: float,
        lanes: int | None = None,
        most: int | None = None,
        grows: bool = False,
        kind: str = "",
    ) -> None:
        self.book = WorkerBook(kind)
        self._lanes = number if lanes is None else lanes
        self._most = self._lanes if most is None else most
        self._grows = grows
        number = min(number, self._most)
        self._wanted = number
        self._patience = patience
        #: lanes that have begun, and those of them that wait for one of the first workers
        self._begun, self._promised = 0, number
        #: whether a lane has found no block left
        self._no_more = False
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._arrived = 0
        self._fatal: BaseException | None = None
        self._warned: set[versions.Versions] = set()
        self._ended = self._interrupted = self._told_of_wait = False
        self._changed = Condition()
        self._jobs = JobWatch(pause, self._job_ended, self._go_without, self._fail)
        self._orders = Orders(number, self.book, self._submit)

    def start(self, launcher: Launcher) -> None:
        """Start the workers; raises what the launcher raises."""
        numbers = self._orders.all_first()
        try:
            self._jobs.start(launcher, numbers)
        except BaseException:
            self._orders.expected.clear()
            raise

    def arrive(self, connection: Connection, hello: Hello) -> None:
        """Take in a worker that says hello."""
        try:
            warning = versions.compare(versions.here(), hello.versions, hello.name)
        except rioserrors.JobMgrError as error:
            with suppress(ConnectionLost):
                connection.send(("refused", str(error)))
            connection.close()
            self._fail(error)
            return
        with self._changed:
            if self._ended:
                connection.close()
                return
            if warning and hello.versions not in self._warned:
                self._warned.add(hello.versions)
                logger.warning(warning)
            self._arrived += 1
            hello = self._orders.fill(hello)
            self._idle.append(Worker(connection, hello))
            self.book.arrive(hello.number, hello.name, connection.traffic)
            self._changed.notify_all()

    def lane_begins(self) -> bool:
        """Wait until all workers that are wanted at first have come; order one for a later lane.

        Return whether there is a worker for this lane; if not, it may :meth:`join` later.
        """
        with self._changed:
            self._begun += 1
            later = self._begun > self._wanted
            has_one = self._begun <= self._most and not (later and self._grows)
            if later and has_one:
                self._promised += 1
                self._orders.one()
        self.wait_for_all()
        return has_one

    def join(self) -> Worker | None:
        """Return a worker for one more lane, waiting for it; None when no block is left."""
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._idle) > self._promised or self._no_more or self._is_over()
            )
            self._raise_if_over()
            if self._no_more:
                return None
            return self._engaged()

    def grow(self, left: int) -> None:
        """Have as many workers again started, if all are busy and blocks are left for them."""
        with self._changed:
            if not self._grows or self._orders.expected or self._idle:
                return
            if not all(worker.useful for worker in self._busy):
                return
            there = len(self._busy)
            more = min(there, min(self._begun, self._most) - there, left)
            if more <= 0:
                return
            logger.info("%d compute workers are busy, %d blocks wait: %d more", there, left, more)
            self._orders.more(more)

    def wait_for_all(self) -> None:
        """Wait until all workers that are wanted at first have come.

        Raises TimeoutError, JobMgrError.
        """
        with self._changed:
            quiet, rest = self._in_two_parts()
            if not self._all_come(quiet) and rest != 0:
                self._tell_of_wait()
            if not self._all_come(rest):
                raise rioserrors.TimeoutError(
                    f"{self._arrived} of {self._wanted} compute workers started within "
                    f"computeBarrierTimeout={self._patience} s{self._told()}. Raise the timeout, "
                    "ask for fewer workers, or see what keeps them"
                )
            self._raise_if_over()

    def _all_come(self, seconds: float | None) -> bool:
        return self._changed.wait_for(
            lambda: self._arrived >= self._wanted or self._is_over(), seconds
        )

    def _tell_of_wait(self) -> None:
        """Say once what keeps those that have not come."""
        if self._told_of_wait:
            return
        self._told_of_wait = True
        logger.warning(
            "%d of %d compute workers have come after %g s%s. The first block is computed when "
            "all have (computeBarrierTimeout=%s)",
            *(self._arrived, self._wanted, _QUIET, self._told(), self._patience),
        )

    def take(self) -> Worker:
        """Return a worker that nobody has, waiting for one if need be.

        Raises
        ------
        WorkerLostError
            If there is none, and none to come.
        TimeoutError
            If none comes in time while nobody else has one.
        """
        with self._changed:
            while not self._idle:
                self._raise_if_over()
                if not self._busy and not self._orders.expected:
                    raise rioserrors.WorkerLostError(
                        f"No compute worker is left{self._told()}; none is started any more after "
                        f"{self._orders.most_replacements} replacements"
                    )
                if not self._another_came():
                    raise rioserrors.TimeoutError(
                        f"No compute worker came within computeBarrierTimeout={self._patience} s "
                        f"in place of those that were lost{self._told()}"
                    )
            self._raise_if_over()
            self._promised = max(0, self._promised - 1)
            return self._engaged()

    def _another_came(self) -> bool:
        """Wait for news: while no worker is there at all, not for ever, and not in silence."""
        if self._busy:
            return self._changed.wait()
        quiet, rest = self._in_two_parts()
        came = self._changed.wait(quiet)
        if not came and rest != 0 and not self._busy:
            text = "No compute worker has come for %g s in place of those that were lost%s"
            logger.warning(text, quiet, self._told())
            came = self._changed.wait(rest)
        return came or bool(self._busy)

    def _in_two_parts(self) -> tuple[float, float | None]:
        """Return how long to wait in silence, and how long after that."""
        quiet = _QUIET if self._patience is None else min(_QUIET, self._patience)
        return quiet, None if self._patience is None else self._patience - quiet

    def _engaged(self) -> Worker:
        worker = self._idle.pop(0)
        self._busy.add(worker)
        return worker

    def order(self) -> None:
        """Have one more worker started, for one block, which may be replaced as often as others."""
        with self._changed:
            self._orders.more(1)

    def dismiss(self, worker: Worker) -> None:
        """Send home a worker whose work is done, and forget it."""
        with suppress(ConnectionLost):
            worker.connection.send(("end",))
        with self._changed:
            self._busy.discard(worker)
        self.book.end(worker.hello.number)
        worker.connection.close()

    def leave(self, worker: Worker | None) -> None:
        """Give back a worker, for other lanes to take; after the last lane all can go home."""
        with self._changed:
            if worker is not None:
                self._busy.discard(worker)
                self._idle.append(worker)
            self._lanes -= 1
            self._no_more = True
            if self._lanes == 0:
                self._send_home()
            self._changed.notify_all()

    def lost(self, worker: Worker, where: str) -> str:
        """Have a worker replaced that is gone, with something in hand or not; say what is known."""
        worker.connection.close()
        self.book.end(worker.hello.number)
        with self._changed:
            if self._ended:
                raise LaneStopped("stopped, since the run failed")
            replaced = self._orders.replace(worker.useful)
            self._busy.discard(worker)
            self._changed.notify_all()
        told = f"{worker.name}: {self._jobs.reason(worker.hello.number)}"
        self._orders.failures.append(told)
        doing = "Starting another" if replaced else "Others go on"
        logger.warning("Lost%s: %s. %s", where, told, doing)
        return told

    def interrupt(self) -> None:
        """Wake whoever waits, and have the workers end; for any thread."""
        with self._changed:
            self._ended = self._interrupted = True
            for worker in (*self._idle, *self._busy):
                worker.connection.interrupt()
            self._jobs.end()
            self._changed.notify_all()

    def close(self) -> None:
        """Send all workers home, and wait until none of their jobs is left."""
        with self._changed:
            self._ended = True
            self._jobs.end()
            self._send_home()
            for worker in self._busy:
                worker.connection.interrupt()
            self._changed.notify_all()
            left = (*self._idle, *self._busy) if self._interrupted else ()
            useless = {each.hello.number for each in left} | self._orders.expected
        self._jobs.close(useless, let_go=not self._interrupted)
        for worker in (*self._idle, *self._busy):
            worker.connection.close()

    def _send_home(self) -> None:
        for worker in self._idle:
            with suppress(ConnectionLost):
                worker.connection.send(("end",))
            self.book.end(worker.hello.number)

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._fatal = self._fatal or error
            self._changed.notify_all()

    def _is_over(self) -> bool:
        return self._ended or self._fatal is not None

    def _raise_if_over(self) -> None:
        if self._ended:
            raise LaneStopped("stopped, since the run failed")
        if self._fatal is not None:
            raise self._fatal

    def _job_ended(self, job: WorkerJob) -> None:
        self.book.end(job.number)
        with self._changed:
            early = job.number in self._orders.expected
            for worker in (*self._idle, *self._busy):
                if worker.hello.number == job.number:
                    # what it has started, or a host that is down, may keep it open
                    worker.connection.interrupt()
        if early:
            self._ended_early(job)

    def _ended_early(self, job: WorkerJob) -> None:
        """Have this one replaced; give up where a worker's own program ends before any has come."""
        told = f"{job.title} ended before its worker came: {job.reason or UNKNOWN}"
        with self._changed:
            self._orders.expected.discard(job.number)
            cannot_start = not self._arrived and job.reason.startswith(_HOPELESS)
            again = not cannot_start and self._orders.replace()
            others_go_on = self._arrived >= self._wanted and bool(self._busy or self._idle)
        if again or others_go_on:
            logger.warning("%s. %s", told, "Starting another" if again else "Others go on")
            return
        self._fail(rioserrors.JobMgrError(f"{told}{job.log_end()}"))

    def _go_without(self, numbers: Sequence[int], error: Exception) -> None:
        for number in numbers:
            self.book.end(number)
        with self._changed:
            self._orders.failures.append(str(error))
            self._orders.expected.difference_update(numbers)
            if self._arrived + len(self._orders.expected) < self._wanted:
                # those of the beginning are waited for, and not all of them can come any more
                self._fatal = self._fatal or error
            self._changed.notify_all()

    def _submit(self, number: int) -> None:
        self._jobs.submit(number)
        self._changed.notify_all()

    def _told(self) -> str:
        return self._orders.told(self._jobs.states)
