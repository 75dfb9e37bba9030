"""The workers of a run: those that come, are lost, and come in place of others."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import replace
from threading import Condition, Lock, Thread

from rios_flows import rioserrors
from rios_flows.runs.stop import LaneStopped
from rios_flows.workers import versions
from rios_flows.workers.hello import Hello, Worker
from rios_flows.workers.launchers.launcher import Launcher, WorkerJob
from rios_flows.workers.wire import Connection, ConnectionLost

logger = logging.getLogger(__name__)

#: How long a queue may take to know what became of a job whose worker is gone (s).
_TIME_FOR_REASON = 10.0

#: Time between two questions to the queue while somebody waits for that, at most (s).
_SHORT_PAUSE = 0.5

#: How long jobs may take to end by themselves, after their workers were sent home (s).
_TIME_TO_GO = 5.0

#: How long jobs may take to end by themselves, after their workers were sent home (s).
_TIME_TO_GO = 5.0

#: So often in a row the queue may refuse a job that is to replace another one.
_MOST_REFUSALS = 3


class Crew:
    """Workers, as many as are wanted, for whoever takes them.

    Parameters
    ----------
    number : int
        How many there are to be.
    patience : float or None
        Longest wait for all to come (s).
    pause : float
        Time between two questions to the launcher (s).
    """

    def __init__(self, number: int, patience: float | None, pause: float) -> None:
        self._wanted = number
        self._patience = patience
        self._pause = pause
        self._replacements = self._most_replacements = max(4, 2 * number)
        self._next = number
        self._lanes = number
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._expected: set[int] = set()
        self._arrived = 0
        self._jobs: dict[int, WorkerJob] = {}
        self._failures: list[str] = []
        self._fatal: BaseException | None = None
        self._to_start: list[int] = []
        self._refused: list[int] = []
        self._refusals = 0
        self._curious = 0
        self._warned: set[versions.Versions] = set()
        self._ended = self._interrupted = False
        self._changed = Condition()
        self._asking = Lock()
        self._launcher: Launcher | None = None
        self._watching = Thread(target=self._watch, name="crew", daemon=True)

    def start(self, launcher: Launcher) -> None:
        """Start the workers; raises what the launcher raises."""
        self._launcher = launcher
        self._expected.update(range(self._wanted))
        try:
            if self._wanted:
                launcher.start(range(self._wanted))
        except BaseException:
            self._expected.clear()
            raise
        self._watching.start()

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
            if hello.number in self._expected:
                self._expected.remove(hello.number)
            else:
                # somebody has started it by hand: it must not be taken for one of our jobs
                hello = replace(hello, number=self._next)
                self._next += 1
            self._idle.append(Worker(connection, hello))
            self._changed.notify_all()

    def wait_for_all(self) -> None:
        """Wait until all workers that are wanted have come; raises TimeoutError, JobMgrError."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._arrived >= self._wanted or self._is_over(), self._patience
            ):
                raise rioserrors.TimeoutError(
                    f"{self._arrived} of {self._wanted} compute workers started within "
                    f"computeBarrierTimeout={self._patience} s{self._told()}; raise it, ask for "
                    "fewer workers, or see what keeps them"
                )
            self._raise_if_over()

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
                if not self._busy and not self._expected:
                    raise rioserrors.WorkerLostError(
                        f"No compute worker is left{self._told()}; none is started any more after "
                        f"{self._most_replacements} replacements"
                    )
                alone = not self._busy
                came = self._changed.wait(self._patience if alone else None)
                if not came and alone and not self._busy:
                    raise rioserrors.TimeoutError(
                        f"No compute worker came within computeBarrierTimeout={self._patience} s "
                        f"in place of those that were lost{self._told()}"
                    )
            self._raise_if_over()
            worker = self._idle.pop(0)
            self._busy.add(worker)
            return worker

    def order(self) -> None:
        """Have one more worker started, beside those that replace others."""
        with self._changed:
            self._start_one()

    def dismiss(self, worker: Worker) -> None:
        """Send home a worker whose work is done, and forget it."""
        with suppress(ConnectionLost):
            worker.connection.send(("end",))
        with self._changed:
            self._busy.discard(worker)
        worker.connection.close()

    def leave(self, worker: Worker | None) -> None:
        """Give back a worker, for other lanes to take; after the last lane all can go home."""
        with self._changed:
            if worker is not None:
                self._busy.discard(worker)
                self._idle.append(worker)
            self._lanes -= 1
            if self._lanes == 0:
                self._send_home()
            self._changed.notify_all()

    def lost(self, worker: Worker, where: str) -> str:
        """Have a worker replaced that is gone, with something in hand or not; say what is known."""
        worker.connection.close()
        with self._changed:
            if self._ended:
                raise LaneStopped("stopped, since the run failed")
            replaced = self._replace(worker.useful)
            self._busy.discard(worker)
            self._changed.notify_all()
        told = f"{worker.name}: {self._reason(worker.hello.number)}"
        self._failures.append(told)
        doing = "Starting another" if replaced else "Others go on"
        logger.warning("Lost%s: %s. %s", where, told, doing)
        return told

    def interrupt(self) -> None:
        """Wake whoever waits, and have the workers end; for any thread."""
        with self._changed:
            self._ended = self._interrupted = True
            for worker in (*self._idle, *self._busy):
                worker.connection.interrupt()
            self._changed.notify_all()

    def close(self) -> None:
        """Send all workers home, and wait until none of their jobs is left."""
        with self._changed:
            self._ended = True
            self._send_home()
            for worker in self._busy:
                worker.connection.interrupt()
            self._changed.notify_all()
            left = (*self._idle, *self._busy) if self._interrupted else ()
        with self._asking:
            if self._launcher is not None:
                self._launcher.stop({each.hello.number for each in left} | self._expected)
                if not self._interrupted:
                    self._let_go(self._launcher)
                self._launcher.close()
        if self._watching.is_alive():
            # not before: Linux ends with a thread the processes that it has started
            self._watching.join()
        for worker in (*self._idle, *self._busy):
            worker.connection.close()

    def _send_home(self) -> None:
        for worker in self._idle:
            with suppress(ConnectionLost):
                worker.connection.send(("end",))

    def _let_go(self, launcher: Launcher) -> None:
        """Let jobs end that have nothing to do any more: the queue is to call them done."""
        end = time.monotonic() + _TIME_TO_GO
        while time.monotonic() < end and any(
            job.state != "ended" and job.number not in self._expected for job in launcher.jobs()
        ):
            time.sleep(min(0.1, self._pause))

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

    def _watch(self) -> None:
        """Follow what becomes of the jobs, and start those that replace others."""
        while not self._ended:
            try:
                self._look()
            except Exception as error:
                # the queue's own words
                self._fail(error)
                return
            with self._changed:
                self._rest()

    def _rest(self) -> None:
        if self._curious:
            self._changed.wait_for(lambda: self._ended, min(self._pause, _SHORT_PAUSE))
        else:
            self._changed.wait_for(
                lambda: self._ended or self._to_start or self._curious, self._pause
            )
        self._to_start, self._refused = [*self._to_start, *self._refused], []

    def _look(self) -> None:
        assert self._launcher is not None
        with self._changed:
            numbers, self._to_start = self._to_start, []
        with self._asking:
            if self._ended:
                return
            if numbers:
                self._submit(self._launcher, numbers)
            jobs = self._launcher.jobs()
        for job in jobs:
            self._note(job)

    def _submit(self, launcher: Launcher, numbers: list[int]) -> None:
        try:
            launcher.start(numbers)
            self._refusals = 0
        except rioserrors.JobMgrError as error:
            taken = {job.number for job in launcher.jobs()}
            if not taken:
                # nothing is to be hoped for from a queue that has not taken a single one
                raise
            self._refusals += 1
            self._do_without([number for number in numbers if number not in taken], error)

    def _do_without(self, numbers: list[int], error: rioserrors.JobMgrError) -> None:
        """Have jobs that were refused submitted again, or do without them."""
        again = self._refusals < _MOST_REFUSALS
        logger.warning("%s. %s", error, "Trying again" if again else "Others go on")
        with self._changed:
            if again:
                self._refused += numbers
                return
            self._failures.append(str(error))
            self._expected.difference_update(numbers)
            self._changed.notify_all()

    def _note(self, job: WorkerJob) -> None:
        before = self._jobs.get(job.number)
        self._jobs[job.number] = job
        if before is not None and (before.state, before.reason) == (job.state, job.reason):
            return
        if job.state == "pending" and job.reason:
            logger.info("Job %s (%s) is pending: %s", job.id, job.name, job.reason)
        if job.state == "ended":
            with self._changed:
                early = job.number in self._expected
                for worker in (*self._idle, *self._busy):
                    if worker.hello.number == job.number:
                        # what it has started, or a host that is down, may keep it open
                        worker.connection.interrupt()
                self._changed.notify_all()
            if early:
                self._ended_early(job)

    def _ended_early(self, job: WorkerJob) -> None:
        """Have this one replaced; give up where a worker's own program ends before any has come."""
        told = f"{job.title} ended before its worker came: {job.reason or 'no reason is known'}"
        with self._changed:
            self._expected.discard(job.number)
            cannot_start = not self._arrived and job.reason.startswith("exit code")
            again = not cannot_start and self._replace()
        if again:
            logger.warning("%s. Starting another", told)
            return
        self._fail(rioserrors.JobMgrError(f"{told}{job.log_end()}"))

    def _replace(self, useful: bool = False) -> bool:
        """Have one more worker started, unless too many came to nothing."""
        if not useful:
            if not self._replacements:
                return False
            self._replacements -= 1
        self._start_one()
        return True

    def _start_one(self) -> None:
        self._expected.add(self._next)
        self._to_start.append(self._next)
        self._next += 1
        self._changed.notify_all()

    def _reason(self, number: int) -> str:
        """Return how a job ended, as soon as that is known."""
        deadline = time.monotonic() + _TIME_FOR_REASON

        def is_known() -> bool:
            return self._ended or number not in self._jobs or self._jobs[number].state == "ended"

        with self._changed:
            self._curious += 1
            self._changed.notify_all()
            while not is_known() and time.monotonic() < deadline:
                self._changed.wait(0.05)
            self._curious -= 1
            job = self._jobs.get(number)
        if job is None:
            return "its connection ended"
        if job.state != "ended":
            return f"its connection ended, and its job is {job.state} yet{job.log_end()}"
        return f"{job.reason or job.state}{job.log_end()}"

    def _told(self) -> str:
        """Return what is known of those that did not come, or went."""
        jobs = [
            f"{job.title} is {job.state}: {job.reason or 'no reason is known'}"
            for number, job in sorted(self._jobs.items())
            if number in self._expected
        ]
        told = [*self._failures[-3:], *jobs[:3]]
        return f". {'; '.join(told)}" if told else ""
