"""What the launchers of AWS do alike: ask, keep book of the jobs, stop, leave nothing."""

from __future__ import annotations

import json
import logging
import secrets
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from rios_flows.basics.naming import PARAMETER_VARIABLE
from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.awsclient import asking, client
from rios_flows.workers.launchers.book import LEAVING, JobBook, Seen, signal_name
from rios_flows.workers.launchers.cloudwatch import NO_STREAM, Logs, Stream
from rios_flows.workers.launchers.launcher import Order, WorkerJob
from rios_flows.workers.launchers.remains import Remains, remove
from rios_flows.workers.launchers.undertaker import Undertaker

logger = logging.getLogger(__name__)

#: So long AWS may not know a job that has just been started, or leave it out of answers (s).
_CONSISTENT = 60.0

#: So many are stopped at the same time.
_THREADS = 8


@dataclass(frozen=True, slots=True)
class SeenJob(Seen):
    """How AWS sees one job, and where the log of one is that has ended."""

    stream: Stream = NO_STREAM


class AwsLauncher(JobBook):
    """Starts, watches and stops tasks or jobs by boto3.

    Parameters
    ----------
    order : Order
        What the jobs have in common.
    undertaker : Undertaker
        Who removes them if this process cannot.
    region : str
        Where; empty for the one that is configured.
    parameter : str
        Under which name of Systems Manager the secrets of the workers are kept; empty to have them
        in their environment.
    """

    #: The ``CW_*`` constant.
    kind: ClassVar[str]

    pause: ClassVar[float] = 0.5

    def __init__(self, order: Order, undertaker: Undertaker, region: str, parameter: str) -> None:
        super().__init__()
        self.order = order
        self.region = region
        self._undertaker = undertaker
        #: part of the names of all that belongs to this run
        self.token = f"rios_flows-{secrets.token_hex(6)}"
        #: when AWS knew each job last
        self._known: dict[int, float] = {}
        self._remains: Remains | None = None
        #: whether a job may have been started of which nobody has been told
        self.unsure = False
        self._logs = Logs(region)
        self._parameter = f"{parameter.rstrip('/')}/{self.token}" if parameter else ""
        self._ssm: Any = client("ssm", region) if parameter else None

    @abstractmethod
    def start(self, numbers: Sequence[int]) -> None:
        """Submit a job for each worker; raise JobMgrError in AWS's words if it is refused."""

    @abstractmethod
    def look(self, jobs: Sequence[WorkerJob]) -> Mapping[int, SeenJob]:
        """Ask AWS for jobs, by the workers' numbers; those that it does not know are left out."""

    @abstractmethod
    def stop_one(self, job: WorkerJob) -> None:
        """Have AWS stop a job."""

    def close(self) -> None:
        """Stop all jobs that are left, wait up to 15 s for that, and remove what the run made."""
        if left := self._end_all(time.monotonic() + LEAVING):
            logger.warning(
                "%d workers have not ended %g s after %s was asked to stop them: see to %s",
                *(len(left), LEAVING, self.queue, ", ".join(job.id for job in left[:20])),
            )
        self._remove()

    def variables(self) -> Mapping[str, str]:
        """Return the variables of the workers: secrets, or where these are kept."""
        if not self._parameter:
            return self.order.environment
        return {PARAMETER_VARIABLE: f"{self._ssm.meta.region_name}:{self._parameter}"}

    def keep_secrets(self) -> None:
        """Put the secrets of the workers where only those come to them who may; if it is wanted."""
        if self._parameter:
            advice = "see addressParameter of computeWorkerExtraParams"
            with asking(self.queue, "The address of the run cannot be kept", advice):
                self._ssm.put_parameter(
                    Name=self._parameter,
                    Value=json.dumps(dict(self.order.environment)),
                    Type="SecureString",
                    # the name is the run's alone: a request comes again if its answer was lost
                    Overwrite=True,
                )

    def is_due(self, remains: Remains) -> None:
        """Have this removed in the end; before any of it is made."""
        self._remains = replace(remains, region=self.region, parameter=self._parameter)
        self._undertaker.due(*self._remains.command())

    def noted(self, number: int, job: str, name: str, reason: str = "") -> None:
        """Keep book of a job that has been started, or of one that waits for that."""
        self._jobs[number] = WorkerJob(number, job, name, "pending", reason)
        self._known[number] = time.monotonic()

    def _look(self, left: Sequence[WorkerJob]) -> None:
        with asking(self.queue, "no answer"):
            seen = dict(self.look(left))
        now = time.monotonic()
        for job in left:
            if job.number in seen:
                self._known[job.number] = now
            elif now - self._known[job.number] >= _CONSISTENT:
                seen[job.number] = SeenJob("ended", f"no longer known to {self.queue}")
        told = [(job, seen[job.number]) for job in left if job.number in seen]
        files = {
            self.order.folder / f"{job.name}.log": each.stream
            for job, each in told
            if self._has_log(job, each)
        }
        logs = self._logs.fetch(files)
        for job, each in told:
            path = self.order.folder / f"{job.name}.log"
            self._note(job, each, path if path in logs else None)

    def _has_log(self, job: WorkerJob, seen: SeenJob) -> bool:
        """Return whether a job has failed that has printed something."""
        failed = seen.state == "ended" and seen.reason != "exit code 0"
        return failed and bool(seen.stream.name) and job.number not in self._stopped

    def _stop_some(self) -> None:
        wanted = self._unwanted()
        if not wanted:
            return
        with ThreadPoolExecutor(min(_THREADS, len(wanted))) as threads:
            self._to_stop.difference_update(
                job.number for job in threads.map(self._stop_or_not, wanted) if job is not None
            )

    def _stop_or_not(self, job: WorkerJob) -> WorkerJob | None:
        try:
            with asking(self.queue, "Not stopped"):
                self.stop_one(job)
        except JobMgrError as error:
            logger.debug("%s", error)
            return None
        return job

    def _remove(self) -> None:
        if self._remains is None:
            return
        if not (self.unsure or self._left() or self._remains.made):
            # all have been seen to end
            self._undertaker.settled(*self._remains.command())
            return
        try:
            with asking(self.queue, "Something of this run is left in AWS"):
                remove(self._remains)
        except JobMgrError as error:
            # the undertaker, too, has what credentials there are now
            text = "%s. It is tried again for some minutes; then see to it yourself: %s"
            logger.warning(text, error, self._remains)
        else:
            self._undertaker.settled(*self._remains.command())

    def _not_heard(self, error: JobMgrError, at_once: bool = False) -> None:
        super()._not_heard(error, at_once or "AccessDenied" in str(error))


def end_of(code: int | None, words: Sequence[str]) -> str:
    """Say in one line how a job has ended: by its exit code, if it has one, and AWS's words."""
    said = "; ".join(dict.fromkeys(word.strip() for word in words if word))
    if code is None:
        return said
    end = f"exit code {code}"
    if code > 128 and (name := signal_name(code - 128)):
        end += f", {name}"
    return f"{end}: {said}" if said and code else end
