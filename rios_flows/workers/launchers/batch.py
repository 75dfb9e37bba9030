"""What the launchers of all batch queues do alike: submit, keep book of the jobs, cancel."""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.book import LEAVING, JobBook, Seen
from rios_flows.workers.launchers.commands import Answer, Command, ask, need
from rios_flows.workers.launchers.extra import extra_of, origin_of_options
from rios_flows.workers.launchers.launcher import Order, WorkerJob
from rios_flows.workers.launchers.script import job_name

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Longest wait for the queue to take a job, and to answer otherwise (s).
_SUBMIT_TIMEOUT, _TIMEOUT = 120.0, 20.0

#: So many ids fit on one command line.
_AT_ONCE = 1000

#: How commands say that they do not know whether the queue has taken a job (Slurm, PBS).
_UNSURE = ("timed out", "Zero Bytes", "End of File")

#: The largest index of an array that a queue takes, where it is not told otherwise (Slurm).
_LAST_INDEX = 1000


_GONE = Seen("ended", "no longer known to the queue")


@dataclass(frozen=True, slots=True)
class Submission:
    """What submits a job: the queue's command, what it reads, and its environment."""

    command: tuple[str, ...]
    script: str
    environment: Mapping[str, str] = field(repr=False)


class Keeper(Protocol):
    """Who remembers a job from the moment in which the queue has it, and forgets it at its end."""

    @property
    def handles(self) -> tuple[int, ...]:
        """The open files that a submitting command must share."""

    def submitting(self, cancel: str, command: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command line that submits a job, notes its id, and prints it."""

    def settled(self, *command: str) -> None:
        """Hear that a job has ended; the command would have cancelled it."""


class BatchLauncher(JobBook):
    """Starts, watches and stops jobs of one queue by its commands.

    Parameters
    ----------
    order : Order
        What the jobs have in common.
    undertaker : Keeper
        Who cancels them if this process cannot, or remembers them.
    """

    #: The ``CW_*`` constant, and the queue's commands; the last one kills at once.
    kind: ClassVar[str]
    submit: ClassVar[str]
    cancel: ClassVar[str]
    kill: ClassVar[tuple[str, ...]]

    pause: ClassVar[float] = 0.2

    def __init__(self, order: Order, undertaker: Keeper) -> None:
        super().__init__()
        self.order = order
        self.extra = extra_of(self.kind, order.extra)
        need(self.submit, self.queue)
        self._undertaker = undertaker
        # the id that the queue gave when it took a worker's job: in an array they share it
        self._submissions: dict[int, str] = {}
        self._living: Counter[str] = Counter()
        # workers, and the name of the job that the queue may have taken for them without an answer
        self._lost: list[tuple[tuple[int, ...], str]] = []
        self._timeout = _TIMEOUT

    def start(self, numbers: Sequence[int]) -> None:
        """Submit a job for each worker: an array where they can be one.

        Raises
        ------
        JobMgrError
            If the queue refuses one; those that it took before stay.
        """
        self._find_lost()
        numbers = [number for number in numbers if number not in self._jobs]
        if len(numbers) > 1 and max(numbers) <= _LAST_INDEX and self.one_array(numbers):
            try:
                self._submit(numbers)
                return
            except JobMgrError as error:
                if self._lost:
                    # the array may come yet, and each worker would have two jobs
                    raise
                # some queues take no arrays; if that was not the reason, the first job tells
                logger.debug("No array of jobs: %s", error)
        for number in numbers:
            self._submit([number])

    def close(self) -> None:
        """Cancel all jobs that are left, and wait up to 15 s until none is in the queue."""
        end = time.monotonic() + LEAVING
        self._timeout = LEAVING / 3
        self._find_lost()
        if left := self._end_all(end):
            logger.warning(
                "%d jobs are still in the queue %g s after their cancelling: see to them (%s %s)",
                *(len(left), LEAVING, self.cancel, " ".join(job.id for job in left[:20])),
            )

    @abstractmethod
    def one_array(self, numbers: Sequence[int]) -> bool:
        """Return whether these can be the indices of one array."""

    @abstractmethod
    def submission(self, numbers: Sequence[int], name: str) -> Submission:
        """Return what submits a job, or an array where there are several numbers."""

    @abstractmethod
    def member(self, submission: str, number: int) -> str:
        """Return the id of one job of an array."""

    @abstractmethod
    def find(self, name: str) -> list[str]:
        """Return the ids of the order's jobs and arrays of a name that have not ended.

        Raises
        ------
        JobMgrError
            If the queue gives no answer.
        """

    @abstractmethod
    def log_of(self, job: str, number: int) -> Path:
        """Return the file that a job prints to."""

    @abstractmethod
    def look(self, submissions: Sequence[str]) -> dict[str, Seen]:
        """Ask the queue for jobs and arrays; those that it does not know any more are left out.

        Raises
        ------
        JobMgrError
            If the queue gives no answer.
        """

    @property
    def numbers(self) -> tuple[int, ...]:
        """The workers whose jobs were started."""
        return tuple(self._jobs)

    @property
    def started(self) -> tuple[WorkerJob, ...]:
        """The jobs that were started, as the queue was seen last; it is not asked."""
        return tuple(self._jobs.values())

    def ask(self, *command: str) -> Answer:
        """Run a command of the queue."""
        return ask(command, self._timeout)

    def _submit(self, numbers: Sequence[int]) -> None:
        named = self.order.numbered and len(numbers) == 1
        name = job_name(self.order.name, numbers[0] if named else None)
        sent = self.submission(numbers, name)
        wrapped = self._undertaker.submitting(self.cancel, sent.command)
        told = (sent.script, sent.environment, self._undertaker.handles)
        with Command(wrapped, *told, shown=sent.command) as running:
            try:
                answer = running.answer(_SUBMIT_TIMEOUT)
            except JobMgrError:
                # the queue may take the job yet
                if self._answered_late(running, numbers, name, _TIMEOUT):
                    return
                raise
            except BaseException:
                # and then it must be cancelled, but somebody waits for the end of the run
                self._timeout = LEAVING / 3
                self._answered_late(running, numbers, name, self._timeout)
                raise
        if self._taken(numbers, name, answer) or self._taken_all_the_same(answer, numbers, name):
            return
        raise answer.failure(
            f"{self.queue} does not take {self.order.what}",
            self.order.advice or f"see {origin_of_options(self.kind, self.order.extra)}",
        )

    def _answered_late(
        self, running: Command, numbers: Sequence[int], name: str, patience: float
    ) -> bool:
        """Wait longer for a command that submits, then look whether the queue has the job."""
        with suppress(JobMgrError):
            return self._taken(numbers, name, running.answer(patience))
        running.kill()
        self._lost.append((tuple(numbers), name))
        self._find_lost()
        return not self._lost

    def _taken_all_the_same(self, answer: Answer, numbers: Sequence[int], name: str) -> bool:
        """Look for a job that was refused: the answer may be that of a server in trouble."""
        lost = (tuple(numbers), name)
        self._lost.append(lost)
        self._find_lost()
        taken = lost not in self._lost
        if not taken and not any(words in answer.err for words in _UNSURE):
            self._lost.remove(lost)
        return taken

    def _find_lost(self) -> None:
        """Look for jobs that the queue may have taken, and keep book of those that it has."""
        for numbers, name in list(self._lost):
            known = {_in_short(submission) for submission in self._submissions.values()}
            with suppress(JobMgrError):
                new = [job for job in self.find(name) if _in_short(job) not in known]
                # who remembers the jobs notes it as if it were submitted now
                for job in new[:1]:
                    noting = self._undertaker.submitting(self.cancel, ("echo", job))
                    with Command(noting, handles=self._undertaker.handles) as running:
                        self._taken(numbers, name, running.answer(self._timeout))
                    self._lost.remove((numbers, name))

    def _taken(self, numbers: Sequence[int], name: str, answer: Answer) -> bool:
        submission = answer.out.strip()
        if answer.code or not submission[:1].isdigit():
            # nothing, or what is no id
            return False
        for number in numbers:
            job = self.member(submission, number) if len(numbers) > 1 else submission
            log = self.log_of(job, number)
            self._jobs[number] = WorkerJob(number, job, name, "pending", log=log)
            self._submissions[number] = submission
            self._living[submission] += 1
        return True

    def _look(self, left: Sequence[WorkerJob]) -> None:
        for some in _parts(list({self._submissions[job.number] for job in left})):
            seen = self.look(some)
            asked = set(some)
            for job in left:
                if self._submissions[job.number] in asked:
                    self._update(job, seen.get(job.id, _GONE))

    def _update(self, job: WorkerJob, seen: Seen) -> None:
        if seen.state == "ended":
            submission = self._submissions[job.number]
            self._living[submission] -= 1
            if not self._living[submission]:
                del self._living[submission]
                # one that is only not shown is cancelled in the end
                if seen is not _GONE:
                    self._undertaker.settled(self.cancel, submission)
        self._note(job, seen)

    def _stop_some(self) -> None:
        for some in _parts(self._unwanted()):
            try:
                answer = self.ask(self.cancel, *(job.id for job in some))
            except JobMgrError as error:
                logger.debug("%s", error)
                continue
            if answer.code:
                logger.debug("%s", answer.failure("Not cancelled", "trying again"))
                continue
            self._to_stop.difference_update(job.number for job in some)


def _in_short(job: str) -> str:
    """Return an id without the name of the server, which may be longer or shorter."""
    return job.partition(".")[0]


def _parts(items: list[T]) -> Iterator[list[T]]:
    for first in range(0, len(items), _AT_ONCE):
        yield items[first : first + _AT_ONCE]
