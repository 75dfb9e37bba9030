"""Workers as jobs of AWS Batch: an array of them, and one for each that is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rios_flows.controls.concurrency import CW_AWSBATCH
from rios_flows.rioserrors import JobMgrError, ParameterError
from rios_flows.workers.launchers.aws import AwsLauncher, SeenJob, end_of
from rios_flows.workers.launchers.awsadvice import not_started
from rios_flows.workers.launchers.awsclient import BRIEF, asking, check_request, client, sent_again
from rios_flows.workers.launchers.awsextra import BatchExtra, check_length, overridden
from rios_flows.workers.launchers.cloudwatch import Stream
from rios_flows.workers.launchers.launcher import (
    Order,
    State,
    WorkerJob,
    state_of_unknown_word,
)
from rios_flows.workers.launchers.remains import Remains
from rios_flows.workers.launchers.script import job_name
from rios_flows.workers.launchers.undertaker import Undertaker

#: Batch's states of jobs.
_STATES: dict[str, State] = {
    **dict.fromkeys(("SUBMITTED", "PENDING", "RUNNABLE", "STARTING"), "pending"),
    "RUNNING": "running",
    **dict.fromkeys(("SUCCEEDED", "FAILED"), "ended"),
}

#: So many jobs are described at once, and are in an array, at most.
_AT_ONCE, _LARGEST_ARRAY = 100, 10_000

#: Where the container of a job prints to, unless its definition says so.
_LOG_GROUP = "/aws/batch/job"

#: In which outputs a stack has names and numbers, as RIOS's.
_QUEUE, _DEFINITION = "BatchProcessingJobQueueName", "BatchProcessingJobDefinitionName"
_VCPUS, _MOST_VCPUS = "BatchVCPUS", "BatchMaxVCPUS"

#: Of a job that was never started: another one would not be, either.
_HOPELESS = ("CannotPull", "CannotCreateContainer", "CannotStartContainer", "ResourceInit")


class AwsBatchLauncher(AwsLauncher):
    """Starts, watches and stops jobs of AWS Batch; it is a :class:`Launcher`."""

    kind: ClassVar[str] = CW_AWSBATCH
    queue: ClassVar[str] = "AWS Batch"

    def __init__(self, order: Order, undertaker: Undertaker) -> None:
        self.extra = BatchExtra.of(order.extra)
        super().__init__(order, undertaker, self.extra.region, self.extra.parameter)
        self._batch = client("batch", self.region)
        self._often = client("batch", self.region, BRIEF)
        self._queue, self._definition = self.extra.queue, self.extra.definition
        #: how many workers the stack has room for; None if that is not known
        self._most: int | None = None
        self._name = f"{job_name(order.name).replace('.', '_')}-{self.token}"

    def start(self, numbers: Sequence[int]) -> None:
        """Submit an array, or a job where there is one worker."""
        if self._remains is None:
            self._prepare(len(numbers))
        numbers = list(numbers)
        if self._most is not None and len(self._left()) + len(numbers) > self._most:
            raise JobMgrError(
                f"The stack {self.extra.stack} has room for {self._most} workers: no other is "
                "started"
            )
        in_a_row = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        if in_a_row and 1 < len(numbers) <= _LARGEST_ARRAY:
            self._submit(numbers)
            return
        for number in numbers:
            self._submit([number])

    def look(self, jobs: Sequence[WorkerJob]) -> Mapping[int, SeenJob]:
        """Ask Batch for jobs."""
        told = self._describe([job.id for job in jobs])
        seen = {job.number: seen_job(told[job.id]) for job in jobs if job.id in told}
        missing = [job for job in jobs if job.number not in seen and ":" in job.id]
        arrays = self._describe(list(dict.fromkeys(map(_array, missing))))
        for job in missing:
            if _array(job) in arrays:
                whole = seen_job(arrays[_array(job)])
                # its jobs come a little later than an array, and end before it does
                same = SeenJob(job.state, job.reason, job.host)
                seen[job.number] = whole if whole.state == "ended" else same
        return seen

    def _describe(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return what Batch tells of jobs and arrays, by their ids."""
        told: dict[str, Mapping[str, Any]] = {}
        for first in range(0, len(ids), _AT_ONCE):
            answer = self._often.describe_jobs(jobs=ids[first : first + _AT_ONCE])
            told |= {job["jobId"]: job for job in answer["jobs"]}
        return told

    def stop_one(self, job: WorkerJob) -> None:
        """Have Batch end a job, whatever its state."""
        self._often.terminate_job(jobId=job.id, reason="rios_flows: the run needs it no more")

    def _submit(self, numbers: Sequence[int]) -> None:
        array = len(numbers) > 1
        command = ["python", *self.order.command[1:], "--number", str(numbers[0])]
        request = dict(self.extra.submit_job)
        if array:
            command += ["--index", "AWS_BATCH_JOB_ARRAY_INDEX"]
            request["arrayProperties"] = {"size": len(numbers)}
        own = request.get("containerOverrides")
        request["containerOverrides"] = overridden(own, command, self.variables())
        check_length(request["containerOverrides"])
        # it tells which workers it is for: a job of this name may be there already
        name = "-".join([self._name, *dict.fromkeys((str(numbers[0]), str(numbers[-1])))])
        request |= {
            "jobName": name,
            "jobQueue": self._queue,
            "jobDefinition": self._definition,
            # who comes in place of a lost worker is a job of its own
            "retryStrategy": {"attempts": 1},
        }
        job = self._lost_job(name) or self._submitted(request)
        for index, number in enumerate(numbers):
            title = job_name(self.order.name, number)
            self.noted(number, f"{job}:{index}" if array else job, title)

    def _lost_job(self, name: str) -> str:
        """Return the id of a job that Batch has taken without an answer; empty if there is none."""
        if not self.unsure:
            return ""
        named = [{"name": "JOB_NAME", "values": [name]}]
        with asking(self.queue, "AWS Batch does not tell which jobs there are"):
            told = self._batch.list_jobs(jobQueue=self._queue, filters=named)
        known = {_array(job) for job in self._jobs.values()}
        new = (
            str(each["jobId"])
            for each in told["jobSummaryList"]
            if each["jobName"] == name and _STATES.get(each["status"]) != "ended"
        )
        return next((job for job in new if ":" not in job and job not in known), "")

    def _submitted(self, request: Mapping[str, Any]) -> str:
        advice = "see jobQueue and jobDefinition of computeWorkerExtraParams"
        with asking(self.queue, "AWS Batch does not take the job of a worker", advice):
            before, self.unsure = self.unsure, True
            answer = self._batch.submit_job(**request)
            # a request whose answer was lost is sent again, and AWS Batch takes it for another job
            self.unsure = before or sent_again(answer)
        return str(answer["jobId"])

    def _prepare(self, workers: int) -> None:
        own = dict.fromkeys(("jobName", "jobQueue", "jobDefinition"), "its own")
        check_request(self._batch, "submit_job", {**own, **self.extra.submit_job})
        self._queue, self._definition, outputs = queue_and_definition(self.extra)
        self._most = most_workers(outputs)
        if self._most is not None and workers > self._most:
            raise ParameterError(
                f"numComputeWorkers={workers} is more than the stack {self.extra.stack!r} has room "
                f"for: {_MOST_VCPUS}={outputs[_MOST_VCPUS]}, {_VCPUS}={outputs[_VCPUS]} each; make "
                f"numComputeWorkers at most {self._most}"
            )
        self.is_due(Remains(queue=self._queue, job_name=self._name))
        self.keep_secrets()


def _array(job: WorkerJob) -> str:
    return job.id.partition(":")[0]


def queue_and_definition(extra: BatchExtra) -> tuple[str, str, Mapping[str, str]]:
    """Return the job queue and the job definition, and the outputs of the stack that has them.

    Raises
    ------
    JobMgrError
        If there is a stack, and it cannot be looked into.
    ParameterError
        If it does not have them.
    """
    name = extra.stack
    if not name:
        return extra.queue, extra.definition, {}
    advice = (
        "give jobQueue and jobDefinition in computeWorkerExtraParams; or the name of a stack "
        "as stack, or RIOS_AWSBATCH_STACK, and its region"
    )
    with asking("AWS Batch", f"The stack {name!r} of CloudFormation cannot be looked into", advice):
        formation = client("cloudformation", extra.region)
        (told,) = formation.describe_stacks(StackName=name)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in told.get("Outputs") or ()}
    for key, given in ((_QUEUE, extra.queue), (_DEFINITION, extra.definition)):
        if key not in outputs and not given:
            raise ParameterError(
                f"The stack {name!r} of CloudFormation has no output {key}: it has "
                f"{', '.join(outputs) or 'none'}; {advice}"
            )
    return extra.queue or outputs[_QUEUE], extra.definition or outputs[_DEFINITION], outputs


def most_workers(outputs: Mapping[str, str]) -> int | None:
    """Return how many workers a stack has room for; None if it does not say.

    Raises ParameterError for outputs that make no sense.
    """
    if _VCPUS not in outputs or _MOST_VCPUS not in outputs:
        return None
    try:
        return int(float(outputs[_MOST_VCPUS]) // float(outputs[_VCPUS]))
    except (ValueError, ZeroDivisionError) as error:
        told = ", ".join(f"{name}={outputs[name]!r}" for name in (_VCPUS, _MOST_VCPUS))
        raise ParameterError(
            f"The stack of CloudFormation has outputs that must be numbers: {told}; mend the "
            "stack, or give jobQueue and jobDefinition in computeWorkerExtraParams"
        ) from error


def seen_job(job: Mapping[str, Any]) -> SeenJob:
    """Say of a job what is known."""
    status, why = job["status"], job.get("statusReason", "")
    container = job.get("container") or {}
    attempts = job.get("attempts") or ()
    state = _STATES.get(status) or state_of_unknown_word(AwsBatchLauncher.queue, status)
    if state != "ended":
        reason = "" if status == "RUNNING" else f"{status}: {why}" if why else status
        return SeenJob(state, reason, _host(container))
    last = (attempts[-1].get("container") or {}) if attempts else {}
    options = (container.get("logConfiguration") or {}).get("options") or {}
    stream = container.get("logStreamName") or last.get("logStreamName") or ""
    group = options.get("awslogs-group", _LOG_GROUP)
    end = _end(status, why, container)
    return SeenJob("ended", end, _host(container), Stream(group, stream))


def _end(status: str, why: str, container: Mapping[str, Any]) -> str:
    if status == "SUCCEEDED":
        return "exit code 0"
    code, reason = container.get("exitCode"), container.get("reason", "")
    if why.startswith("Essential container") or not why:
        return end_of(code, (reason, why)) or status
    said = end_of(None, (reason, why))
    if reason.startswith(_HOPELESS):
        return not_started(said)
    return f"{said}; exit code {code}" if code is not None else said


def _host(container: Mapping[str, Any]) -> str:
    """Return the address of a job, where it has one of its own."""
    interfaces = container.get("networkInterfaces") or ()
    return next((str(each.get("privateIpv4Address", "")) for each in interfaces), "")
