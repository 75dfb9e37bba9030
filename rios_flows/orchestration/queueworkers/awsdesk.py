"""AWS Batch as a queue for flow runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from rios_flows.orchestration.queueworkers.variables import AwsBatchConfiguration
from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers.awsbatch import seen_job
from rios_flows.workers.launchers.awsclient import BRIEF, asking, client, sent_again
from rios_flows.workers.launchers.book import Seen
from rios_flows.workers.launchers.cloudwatch import NO_STREAM, Stream, log_lines
from rios_flows.workers.launchers.launcher import WorkerJob
from rios_flows.workers.launchers.script import job_name

_SERVICE = "AWS Batch"

#: By which a job is known as that of a flow run.
_VARIABLE = "PREFECT__FLOW_RUN_ID"

#: So many jobs are described at once.
_AT_ONCE = 100

_ADVICE = "see job_queue and job_definition of the work pool, the deployment or the flow run"


class AwsBatchDesk:
    """Batch in the region, and with the rights, of the worker."""

    def __init__(self) -> None:
        self._batch = client("batch", "")
        self._logs: Any = None
        #: where CloudWatch has what jobs print
        self._streams: dict[str, Stream] = {}

    def submit(self, flow_run: UUID, configuration: AwsBatchConfiguration) -> WorkerJob:
        """Have a job run a flow run; raise JobMgrError in AWS's words if it is refused."""
        overrides = _overrides(configuration)
        name = _name(configuration)
        request: dict[str, Any] = {
            "jobName": name,
            "jobQueue": configuration.job_queue,
            "jobDefinition": configuration.job_definition,
            "containerOverrides": overrides,
            # a run that is tried again comes as another job
            "retryStrategy": {"attempts": 1},
        }
        if configuration.walltime:
            request["timeout"] = {"attemptDurationSeconds": configuration.walltime * 60}
        with asking(_SERVICE, "AWS Batch does not take the job of a flow run", _ADVICE):
            answer = self._batch.submit_job(**request)
        job = answer["jobId"]
        if sent_again(answer):
            # each request that AWS Batch took is a job: one flow run must not run twice
            for other in self._jobs_of(flow_run, configuration.job_queue, name):
                if other != job:
                    self.cancel(other)
        return WorkerJob(0, job, name, "pending")

    def find(
        self, flow_run: UUID, configuration: AwsBatchConfiguration, job: str
    ) -> WorkerJob | None:
        """Return the job that was submitted for a flow run earlier; its id, if that is known."""
        name = _name(configuration)
        job = job or next(iter(self._jobs_of(flow_run, configuration.job_queue, name)), "")
        return WorkerJob(0, job, name, "pending") if job else None

    def look(self, jobs: Sequence[WorkerJob]) -> dict[str, Seen]:
        """Ask for jobs; those that Batch does not know are left out. Raises JobMgrError."""
        found = {}
        for told in self._describe([job.id for job in jobs]):
            seen = seen_job(told)
            found[told["jobId"]] = Seen(seen.state, seen.reason, seen.host)
            self._streams[told["jobId"]] = seen.stream
        return found

    def cancel(self, job: str) -> None:
        """Have a job ended, whatever its state. Raises JobMgrError."""
        with asking(_SERVICE, "AWS Batch does not end a job"):
            self._batch.terminate_job(jobId=job, reason="The flow run was cancelled")

    def kill(self, job: str) -> None:
        """Leave it to Batch, which kills what has not ended 30 s later."""

    def log_end(self, job: WorkerJob) -> str:
        """Return the last lines of what a job has printed; empty if CloudWatch has none."""
        stream = self._streams.get(job.id, NO_STREAM)
        if not stream.name:
            return ""
        try:
            self._logs = self._logs or client("logs", "", BRIEF)
            return "\n".join(log_lines(self._logs, stream))
        except JobMgrError as error:
            return f"(it cannot be read: {error})"

    def forget(self, flow_run: UUID, job: WorkerJob, keep_log: bool) -> None:
        """Forget where its log is."""
        self._streams.pop(job.id, None)

    def _describe(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = []
        with asking(_SERVICE, "AWS Batch does not tell how jobs are"):
            for first in range(0, len(ids), _AT_ONCE):
                jobs += self._batch.describe_jobs(jobs=ids[first : first + _AT_ONCE])["jobs"]
        return jobs

    def _jobs_of(self, flow_run: UUID, queue: str, name: str) -> list[str]:
        """Find jobs by their name, and by the flow run that they are for."""
        with asking(_SERVICE, "AWS Batch does not tell what jobs there are"):
            told = self._batch.list_jobs(
                jobQueue=queue, filters=[{"name": "JOB_NAME", "values": [name]}]
            )
        jobs = self._describe([each["jobId"] for each in told["jobSummaryList"]])
        mine = [job for job in jobs if _variable(job) == str(flow_run)]
        # the last one first
        mine.sort(key=lambda job: job.get("createdAt", 0), reverse=True)
        return [job["jobId"] for job in mine]


def _overrides(configuration: AwsBatchConfiguration) -> dict[str, Any]:
    resources = {"VCPU": configuration.cpus, "MEMORY": configuration.memory}
    return {
        "command": shlex.split(configuration.command or ""),
        "environment": [
            {"name": name, "value": value}
            for name, value in configuration.env.items()
            if value is not None
        ],
        "resourceRequirements": [
            {"type": kind, "value": str(value)} for kind, value in resources.items() if value
        ],
    }


def _name(configuration: AwsBatchConfiguration) -> str:
    return job_name(configuration.name or "flow-run").replace(".", "_")


def _variable(job: Mapping[str, Any]) -> str:
    environment = (job.get("container") or {}).get("environment") or ()
    return next((each["value"] for each in environment if each["name"] == _VARIABLE), "")
