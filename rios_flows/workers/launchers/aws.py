"""What the launchers of AWS do alike: ask, keep book of the jobs, stop, leave nothing."""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from rios_flows.basics.naming import PARAMETER_VARIABLE
from rios_flows.rioserrors import ECSError, JobMgrError, UnavailableError
from rios_flows.workers.launchers.awsadvice import advice_on, local_advice_on
from rios_flows.workers.launchers.batch import signal_name
from rios_flows.workers.launchers.launcher import Order, State, WorkerJob
from rios_flows.workers.launchers.remains import Remains, remove
from rios_flows.workers.launchers.undertaker import Undertaker

logger = logging.getLogger(__name__)

#: How often AWS is asked altogether, where nothing else is configured: with pauses that grow.
_ATTEMPTS = 6

#: Longest wait to reach AWS, and for its answer (s).
_CONNECT, _READ = 10, 30

#: How long AWS may be silent before that is worth a warning (s).
_SILENCE = 60.0

#: So long AWS may not know a job that has just been started, or leave it out of answers (s).
_CONSISTENT = 60.0

#: Longest wait for the last jobs to end, and for how long between looks (s).
_LEAVING, _PAUSE = 15.0, 0.5

#: So many are stopped at the same time, and so many logs are fetched.
_THREADS = 8

#: How long the logs of all jobs that ended together may take; what has not come by then is not
#: told (s).
_TIME_FOR_LOGS = 5.0

#: Pauses before CloudWatch is asked for the log of a job that has ended (s).
_PAUSES_FOR_LOG = (0.0, 1.0)

#: Of CloudWatch's log of a job, how many lines are told.
_LINES = 50

#: What the codes of errors have by which AWS asks for patience.
_BUSY = ("Throttl", "TooManyRequests", "LimitExceeded", "SlowDown", "RequestTimeout")


@dataclass(frozen=True, slots=True)
class SeenJob:
    """How AWS sees one job.

    Attributes
    ----------
    state, reason, host : str
        As of a :class:`WorkerJob`.
    group, stream : str
        Where CloudWatch has what it printed; empty if it keeps none.
    """

    state: State
    reason: str = ""
    host: str = ""
    group: str = ""
    stream: str = ""


class AwsLauncher(ABC):
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

    #: The ``CW_*`` constant, and what people call it.
    kind: ClassVar[str]
    service: ClassVar[str]

    def __init__(self, order: Order, undertaker: Undertaker, region: str, parameter: str) -> None:
        self.order = order
        self.region = region
        self._undertaker = undertaker
        #: part of the names of all that belongs to this run
        self.token = f"rios_flows-{secrets.token_hex(6)}"
        self._jobs: dict[int, WorkerJob] = {}
        #: when AWS knew each job last
        self._known: dict[int, float] = {}
        self._stopped: set[int] = set()
        self._to_stop: set[int] = set()
        self._remains: Remains | None = None
        #: whether a job may have been started of which nobody has been told
        self.unsure = False
        self._heard = time.monotonic()
        self._warned = False
        self._logs: Any = None
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

    def jobs(self) -> list[WorkerJob]:
        """Return all jobs that were started, as AWS sees them now."""
        if left := self._left():
            try:
                with asking(self.service, f"{self.service} does not tell how jobs are"):
                    seen = self.look(left)
            except JobMgrError as error:
                self._not_heard(error)
            else:
                self._heard, self._warned = time.monotonic(), False
                self._update_all(left, seen)
            self._stop_some()
        return list(self._jobs.values())

    def stop(self, numbers: Iterable[int]) -> None:
        """Have AWS stop the jobs of some workers, without waiting for their end."""
        new = self._jobs.keys() & set(numbers)
        self._stopped |= new
        self._to_stop |= new
        self._stop_some()

    def close(self) -> None:
        """Stop all jobs that are left, wait up to 15 s for that, and remove what the run made."""
        end = time.monotonic() + _LEAVING
        if self._left():
            self.stop(self._jobs)
        while self._left() and time.monotonic() < end:
            time.sleep(_PAUSE)
            self.jobs()
        if left := self._left():
            logger.warning(
                "%d workers have not ended %g s after %s was asked to stop them: see to %s",
                *(len(left), _LEAVING, self.service, ", ".join(job.id for job in left[:20])),
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
            with asking(self.service, "The address of the run cannot be kept", advice):
                self._ssm.put_parameter(
                    Name=self._parameter,
                    Value=json.dumps(dict(self.order.environment)),
                    Type="SecureString",
                )

    def is_due(self, remains: Remains) -> None:
        """Have this removed in the end; before any of it is made."""
        self._remains = replace(remains, region=self.region, parameter=self._parameter)
        self._undertaker.due(*self._remains.command())

    def note(self, number: int, job: str, name: str, reason: str = "") -> None:
        """Keep book of a job that has been started, or of one that waits for that."""
        self._jobs[number] = WorkerJob(number, job, name, "pending", reason)
        self._known[number] = time.monotonic()

    def _left(self) -> list[WorkerJob]:
        return [job for job in self._jobs.values() if job.state != "ended"]

    def _update_all(self, left: Sequence[WorkerJob], seen: Mapping[int, SeenJob]) -> None:
        now = time.monotonic()
        found = dict(seen)
        for job in left:
            if job.number in seen:
                self._known[job.number] = now
            elif now - self._known[job.number] >= _CONSISTENT:
                found[job.number] = SeenJob("ended", f"no longer known to {self.service}")
        told = [job for job in left if job.number in found]
        logs = self._logs_of([(job, found[job.number]) for job in told])
        for job in told:
            self._update(job, found[job.number], logs.get(job.number))

    def _update(self, job: WorkerJob, seen: SeenJob, log: Path | None = None) -> None:
        reason = seen.reason
        if seen.state == "ended" and job.number in self._stopped:
            reason = f"cancelled by this run ({reason})"
        self._jobs[job.number] = replace(
            job, state=seen.state, reason=reason, host=seen.host or job.host, log=log
        )

    def _stop_some(self) -> None:
        """Stop jobs that nobody wants any more; what is refused is tried again at the next look."""
        wanted = [job for job in self._left() if job.number in self._to_stop]
        if not wanted:
            return
        with ThreadPoolExecutor(min(_THREADS, len(wanted))) as threads:
            self._to_stop.difference_update(
                job.number for job in threads.map(self._stop_or_not, wanted) if job is not None
            )

    def _stop_or_not(self, job: WorkerJob) -> WorkerJob | None:
        try:
            with asking(self.service, "Not stopped"):
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
            with asking(self.service, "Something of this run is left in AWS"):
                remove(self._remains)
        except JobMgrError as error:
            logger.warning("%s. It is tried again", error)
        else:
            self._undertaker.settled(*self._remains.command())

    def _not_heard(self, error: JobMgrError) -> None:
        logger.debug("%s", error)
        refused = "AccessDenied" in str(error)
        if not self._warned and (refused or time.monotonic() - self._heard >= _SILENCE):
            self._warned = True
            logger.warning("%s. The run goes on without knowing", error)

    def _logs_of(self, seen: Sequence[tuple[WorkerJob, SeenJob]]) -> Mapping[int, Path]:
        """Fetch the ends of what jobs have printed that have failed, a few at once."""
        wanted = [
            (job, each)
            for job, each in seen
            if each.state == "ended"
            and each.stream
            and each.reason != "exit code 0"
            and job.number not in self._stopped
        ]
        if not wanted:
            return {}
        with suppress(JobMgrError):
            self._logs = self._logs or client("logs", self.region)
            threads = ThreadPoolExecutor(min(_THREADS, len(wanted)))
            fetched = {job.number: threads.submit(self._log, job, each) for job, each in wanted}
            wait(fetched.values(), _TIME_FOR_LOGS)
            threads.shutdown(wait=False, cancel_futures=True)
            paths = {
                number: future.result()
                for number, future in fetched.items()
                if future.done() and not future.cancelled()
            }
            return {number: path for number, path in paths.items() if path is not None}
        return {}

    def _log(self, job: WorkerJob, seen: SeenJob) -> Path | None:
        """Fetch the end of what a job has printed into a file."""
        path = self.order.folder / f"{job.name}.log"
        with suppress(OSError):
            if lines := log_lines(self._logs, seen.group, seen.stream):
                path.write_text("\n".join(lines), "utf-8", "replace")
                return path
        return None


def log_lines(logs: Any, group: str, stream: str) -> list[str]:
    """Return the last lines of a job from CloudWatch; they come a little later than its end."""
    for pause in _PAUSES_FOR_LOG:
        time.sleep(pause)
        with suppress(JobMgrError), asking("CloudWatch", "No log"):
            told = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=_LINES)
            if told["events"]:
                return [event["message"] for event in told["events"]]
    return []


def sent_again(answer: Mapping[str, Any]) -> bool:
    """Return whether a request was sent more than once until it was answered."""
    return bool(answer.get("ResponseMetadata", {}).get("RetryAttempts"))


def end_of(code: int | None, words: Sequence[str]) -> str:
    """Say in one line how a job has ended: by its exit code, if it has one, and AWS's words."""
    said = "; ".join(dict.fromkeys(word.strip() for word in words if word))
    if code is None:
        return said
    end = f"exit code {code}"
    if code > 128 and (name := signal_name(code - 128)):
        end += f", {name}"
    return f"{end}: {said}" if said and code else end


def client(service: str, region: str) -> Any:
    """Return a client of one of AWS's services.

    Raises
    ------
    UnavailableError
        If boto3 is not installed.
    JobMgrError
        If no region is known, or the configuration is wrong.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise UnavailableError(
            f"Workers in AWS need boto3 ({error}): pip install 'rios_flows[aws]'"
        ) from error
    with asking("AWS", "AWS cannot be asked"):
        known = {"AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"} & os.environ.keys()
        # throttling is no error, but a reason to ask again later
        retries = None if known else {"mode": "standard", "total_max_attempts": _ATTEMPTS}
        config = Config(connect_timeout=_CONNECT, read_timeout=_READ, retries=retries)
        # the default session is not for several threads
        session = boto3.session.Session(region_name=region or None)
        return session.client(service, config=config)


def is_hiccup(error: JobMgrError) -> bool:
    """Return whether AWS was not reached, busy or in trouble, so that it may answer later."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    cause = error.__cause__
    if isinstance(cause, ClientError):
        code = cause.response["Error"].get("Code", "")
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or any(word in code for word in _BUSY)
    return isinstance(cause, (ConnectionError, HTTPClientError))


@contextmanager
def asking(service: str, what: str, advice: str = "") -> Iterator[None]:
    """Have errors of boto3 told as ours: what failed, AWS's own words, and what to do."""
    from botocore.exceptions import BotoCoreError, ClientError

    kind = ECSError if service == "ECS" else JobMgrError
    try:
        yield
    except ClientError as error:
        told = error.response["Error"]
        code = told.get("Code", "")
        todo = advice_on(code, advice)
        message = f"{what}: {code}: {told.get('Message', '')} ({error.operation_name})"
        raise kind(f"{message}; {todo}" if todo else message) from error
    except BotoCoreError as error:
        name = type(error).__name__
        todo = local_advice_on(name)
        raise kind(f"{what}: {' '.join(str(error).split())} ({name}); {todo}") from error
