"""The jobs of a crew's workers: submitted, followed, and explained when they have ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from threading import Condition, Lock

from rios_flows import rioserrors
from rios_flows.basics.threads import start, thread_in_context
from rios_flows.workers.joblogs import JobLogs
from rios_flows.workers.launchers.launcher import Launcher, WorkerJob

logger = logging.getLogger(__name__)

#: How long a queue may take to know what became of a job whose worker is gone (s).
_TIME_FOR_REASON = 10.0

#: Time between two questions to the queue while somebody waits for that, at most (s).
_SHORT_PAUSE = 0.5

#: How long jobs may take to end by themselves, after their workers were sent home (s).
_TIME_TO_GO = 5.0

#: So often in a row the queue may refuse a job that is to replace another one.
_MOST_REFUSALS = 3

#: In place of a reason.
UNKNOWN = "no reason is known"


class JobWatch:
    """Follows jobs in a thread of its own, from ``start`` to ``end``.

    The callables are called by that thread. It holds no lock that a caller may want then.

    Parameters
    ----------
    pause : float
        Time between two questions to the launcher (s).
    ended : callable
        Gets each job that has ended, once.
    refused : callable
        Gets the numbers of workers whose jobs the queue does not take, and the error.
    failed : callable
        Gets the error after which nothing is followed any more.
    """

    def __init__(
        self,
        pause: float,
        ended: Callable[[WorkerJob], object],
        refused: Callable[[Sequence[int], Exception], object],
        failed: Callable[[Exception], object],
    ) -> None:
        self._pause = pause
        self._tell_ended, self._tell_refused, self._tell_failed = ended, refused, failed
        self._launcher: Launcher | None = None
        self._logs = JobLogs()
        self._jobs: dict[int, WorkerJob] = {}
        #: of workers that are, or will be, jobs; others were started by hand
        self._ordered: set[int] = set()
        self._to_start: list[int] = []
        self._refused: list[int] = []
        self._refusals = 0
        #: how many threads wait to know what became of a job
        self._curious = 0
        self._over = False
        self._changed = Condition()
        self._asking = Lock()
        self._thread = thread_in_context(self._watch, name="job-watch")

    def start(self, launcher: Launcher, numbers: Sequence[int]) -> None:
        """Submit the first jobs, and follow them; raises what the launcher raises."""
        self._launcher = launcher
        self._ordered.update(numbers)
        if numbers:
            launcher.start(numbers)
        start(self._thread)

    def submit(self, number: int) -> None:
        """Have one more job submitted soon."""
        with self._changed:
            self._ordered.add(number)
            self._to_start.append(number)
            self._changed.notify_all()

    def end(self) -> None:
        """Submit and follow no more, and let nobody wait; for any thread."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def close(self, useless: Collection[int], let_go: bool = False) -> None:
        """After ``end``: cancel jobs, the useless at once, and wait until none is left.

        Those that have nothing to do any more may be let go: the queue is to call them done.
        """
        with self._asking:
            if self._launcher is not None:
                try:
                    self._part(self._launcher, useless, let_go)
                finally:
                    self._launcher.close()
        if self._thread.is_alive():
            # not before: Linux ends with a thread the processes that it has started
            self._thread.join()

    def _part(self, launcher: Launcher, useless: Collection[int], let_go: bool) -> None:
        launcher.stop(useless)
        if let_go:
            self._let_go(launcher, useless)
        # much is printed only at the end
        for job in launcher.jobs():
            self._logs.tell(job)

    def _let_go(self, launcher: Launcher, useless: Collection[int]) -> None:
        end = time.monotonic() + _TIME_TO_GO
        while time.monotonic() < end and any(
            job.state != "ended" and job.number not in useless for job in launcher.jobs()
        ):
            time.sleep(min(0.1, self._pause))

    def reason(self, number: int) -> str:
        """Return how the job of a worker that is gone has ended, as soon as that is known."""

        def is_known() -> bool:
            job = self._jobs.get(number)
            ended = number not in self._ordered if job is None else job.state == "ended"
            return self._over or ended

        with self._changed:
            self._curious += 1
            self._changed.notify_all()
            self._changed.wait_for(is_known, _TIME_FOR_REASON)
            self._curious -= 1
            job = self._jobs.get(number)
        if job is None:
            return "its connection ended"
        if job.state != "ended":
            return f"its connection ended, and its job is {job.state} yet{job.log_end()}"
        return f"{job.reason or job.state}{job.log_end()}"

    def states(self, numbers: Iterable[int]) -> list[str]:
        """Say of some jobs what they wait for, or do."""
        with self._changed:
            jobs = [self._jobs[number] for number in sorted(numbers) if number in self._jobs]
        return [f"{job.title} is {job.state}: {job.reason or UNKNOWN}" for job in jobs]

    def _watch(self) -> None:
        while not self._over:
            try:
                self._look()
            except Exception as error:
                # the queue's own words
                self._tell_failed(error)
                return
            with self._changed:
                self._rest()

    def _rest(self) -> None:
        if self._curious:
            self._changed.wait_for(lambda: self._over, min(self._pause, _SHORT_PAUSE))
        else:
            self._changed.wait_for(
                lambda: self._over or self._to_start or self._curious, self._pause
            )
        self._to_start, self._refused = [*self._to_start, *self._refused], []

    def _look(self) -> None:
        assert self._launcher is not None
        with self._changed:
            numbers, self._to_start = self._to_start, []
        with self._asking:
            if self._over:
                return
            if numbers:
                self._submit(self._launcher, numbers)
            jobs = self._launcher.jobs()
            for job in jobs:
                self._logs.tell(job)
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
        if again:
            self._refused += numbers
        else:
            self._tell_refused(numbers, error)

    def _note(self, job: WorkerJob) -> None:
        with self._changed:
            before = self._jobs.get(job.number)
            self._jobs[job.number] = job
            if before is not None and (before.state, before.reason) == (job.state, job.reason):
                return
            self._changed.notify_all()
        if job.state == "pending" and job.reason:
            logger.info("Job %s (%s) is pending: %s", job.id, job.name, job.reason)
        if job.state == "ended":
            self._tell_ended(job)
