"""The book that launchers keep of the jobs of their workers."""

from __future__ import annotations

import logging
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.launcher import State, WorkerJob

logger = logging.getLogger(__name__)

#: How long a queue may be silent before that is worth a warning (s).
SILENCE = 60.0

#: Longest wait for the last jobs to end (s).
LEAVING = 15.0


@dataclass(frozen=True, slots=True)
class Seen:
    """How a queue sees one job; as of a :class:`WorkerJob`."""

    state: State
    reason: str = ""
    host: str = ""


class JobBook(ABC):
    """Looks at jobs that were started, and has those end that nobody wants any more."""

    #: What people call the queue, and the time between two looks at its last jobs (s).
    queue: ClassVar[str]
    pause: ClassVar[float]

    def __init__(self) -> None:
        self._jobs: dict[int, WorkerJob] = {}
        #: workers that are not wanted any more, and those of them whose end is to be asked for
        self._stopped: set[int] = set()
        self._to_stop: set[int] = set()
        self._heard = time.monotonic()
        self._warned = False

    def jobs(self) -> list[WorkerJob]:
        """Return all jobs that were started, as the queue sees them now."""
        if left := self._left():
            try:
                self._look(left)
            except JobMgrError as error:
                self._not_heard(error)
            else:
                self._heard, self._warned = time.monotonic(), False
            self._stop_some()
        return list(self._jobs.values())

    def stop(self, numbers: Iterable[int]) -> None:
        """Have the queue end the jobs of some workers, without waiting for that."""
        new = self._jobs.keys() & set(numbers)
        self._stopped |= new
        self._to_stop |= new
        self._stop_some()

    @abstractmethod
    def _look(self, left: Sequence[WorkerJob]) -> None:
        """Ask the queue for jobs, and note how they are; raise JobMgrError without an answer."""

    @abstractmethod
    def _stop_some(self) -> None:
        """Have jobs end that are to; what is refused is tried again after the next look."""

    def _left(self) -> list[WorkerJob]:
        return [job for job in self._jobs.values() if job.state != "ended"]

    def _unwanted(self) -> list[WorkerJob]:
        return [job for job in self._left() if job.number in self._to_stop]

    def _note(self, job: WorkerJob, seen: Seen, log: Path | None = None) -> None:
        reason = seen.reason
        if seen.state == "ended" and job.number in self._stopped:
            reason = f"cancelled by this run ({reason})"
        self._jobs[job.number] = replace(
            job, state=seen.state, reason=reason, host=seen.host or job.host, log=log or job.log
        )

    def _end_all(self, end: float) -> list[WorkerJob]:
        """Have all jobs end that are left, wait for that, and return those that have not."""
        if self._left():
            self.stop(self._jobs)
        while self._left() and time.monotonic() < end:
            time.sleep(self.pause)
            self.jobs()
        return self._left()

    def _not_heard(self, error: JobMgrError, at_once: bool = False) -> None:
        """Say once that the queue is silent, at once or when it has been so for long."""
        logger.debug("%s", error)
        silent = time.monotonic() - self._heard
        if not self._warned and (at_once or silent >= SILENCE):
            self._warned = True
            logger.warning(
                "%s does not tell how jobs are (for %.0f s): %s. The run goes on without knowing",
                *(self.queue, silent, error),
            )


def signal_name(number: int) -> str:
    """Tell a signal as the reason of an end; empty where it is none."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return ""
