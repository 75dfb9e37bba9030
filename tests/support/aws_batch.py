"""Jobs of moto's AWS Batch that really run, with states and reasons as AWS tells them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from threading import Event, local
from typing import Any

from moto.batch import models, responses

from tests.support.aws_containers import (
    NO_IMAGE,
    SLOW_IMAGE,
    CannotStart,
    Container,
    environment,
    merged,
    tell_cloudwatch,
)

Method = Callable[..., Any]

#: Of moto, whose methods are replaced.
Job: Any = models.Job

#: Of moto, too.
BatchResponse: Any = responses.BatchResponse

#: What the request says that a thread answers.
_submitting = local()

#: More processors than any machine of a compute environment has.
_MOST_PROCESSORS = 256

_PAUSE = 0.05

_ENDED = ("SUCCEEDED", "FAILED")


class Jobs:
    """Runs the jobs of all queues.

    Parameters
    ----------
    folder : Path
        Where they begin, and what they print goes.
    endpoint : str
        Where they find AWS.
    """

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder, self.endpoint = folder, endpoint
        self.over = Event()
        self._jobs: list[Any] = []

    def patch(self) -> None:
        """Have moto's backend use this."""

        def run(job: Any) -> None:
            self._jobs.append(job)
            self._run(job)

        Job.run = run
        Job.start = _with_its_attempts(Job.start)
        BatchResponse.submitjob = _keeping_attempts(BatchResponse.submitjob)
        Job.describe = _with_codes(Job.describe)
        Job.terminate = _of_all_members(Job.terminate)

    def stop(self) -> None:
        """End all jobs."""
        self.over.set()
        for job in self._jobs:
            job.join(15)

    def left(self) -> list[dict[str, str]]:
        """Return the jobs that have not ended, and what is wanted of each."""
        return [
            {"id": job.job_id, "wanted": "STOPPED" if job.stop else "RUNNING"}
            for job in list(self._jobs)
            if job.status not in _ENDED
        ]

    def _run(self, job: Any) -> None:
        if job.depends_on and not job._wait_for_dependencies():
            return
        if self._has_room(job):
            strategy = job.own_retries or job.job_definition.retry_strategy or {}
            attempts = int(strategy.get("attempts", 1))
            for attempt in range(1, attempts + 1):
                if self._attempt(job, attempt):
                    break
        job._mark_stopped(success=job.exit_code == 0 and not job.stop)

    def _has_room(self, job: Any) -> bool:
        job.status = "RUNNABLE"
        image = job.job_definition.container_properties.get("image")
        has = int(job._get_container_property("vcpus", 1)) <= _MOST_PROCESSORS
        if not has:
            job.job_stopped_reason = (
                "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/"
                "memory/GPU) is higher than that can be met by the CE(s) attached to the job queue."
            )
        while not (has and image != SLOW_IMAGE) and not job.stop and not self.over.wait(_PAUSE):
            pass
        return not job.stop and not self.over.is_set()

    def _attempt(self, job: Any, attempt: int) -> bool:
        """Run a job once; return whether no other attempt is to be made."""
        job.status = "STARTING"
        properties = job.job_definition.container_properties
        try:
            container = self._container(job, properties, attempt)
        except CannotStart as error:
            job.job_started_at = datetime.now()
            job.container_reason = str(error)
            job.job_stopped_reason = "Task failed to start"
            return False
        job.job_started_at = datetime.now()
        job.log_stream_name = job._stream_name
        job._start_attempt()
        job.status = "RUNNING"
        limit = (job.timeout or job.job_definition.timeout or {}).get("attemptDurationSeconds")
        end = time.monotonic() + (limit or 3600)
        while container.code is None and not job.stop and time.monotonic() < end:
            if self.over.wait(_PAUSE):
                break
        late = container.code is None and not job.stop
        container.stop()
        job.exit_code = job.latest_attempt["container"]["exitCode"] = container.code
        if not job.stop:
            job.job_stopped_reason = (
                "Job attempt duration exceeded timeout"
                if late
                else "Essential container in task exited"
            )
        job.latest_attempt["statusReason"] = job.job_stopped_reason
        tell_cloudwatch(job._log_backend, job._log_group, job.log_stream_name, container.lines())
        return job.stop or late or container.code == 0

    def _container(self, job: Any, properties: Mapping[str, Any], attempt: int) -> Container:
        if properties.get("image") == NO_IMAGE:
            raise CannotStart(
                f"CannotPullContainerError: Error response from daemon: manifest for {NO_IMAGE} "
                "not found: manifest unknown"
            )
        command, variables = merged(properties, job.container_overrides)
        variables |= {
            "AWS_BATCH_JOB_ID": job.job_id,
            "AWS_BATCH_JOB_ATTEMPT": str(attempt),
            "AWS_BATCH_JQ_NAME": job.job_queue.name,
            "TEST_JOB": job.job_id,
        }
        if "index" in job.array_properties:
            variables["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.array_properties["index"])
        whole = environment(variables, self.endpoint, job.job_definition._region)
        log = self.folder / f"batch-{job.job_id.replace(':', '-')}.log"
        return Container(job._add_parameters_to_command(command), whole, log)


def _keeping_attempts(submit: Method) -> Method:
    """Have a job's own number of attempts count, which moto does not look at."""

    def submit_job(response: Any) -> Any:
        _submitting.retries = response._get_param("retryStrategy")
        return submit(response)

    return submit_job


def _with_its_attempts(start: Method) -> Method:
    def starting(job: Any) -> None:
        job.own_retries = getattr(_submitting, "retries", None)
        start(job)

    return starting


def _with_codes(describe: Method) -> Method:
    def told(job: Any) -> Any:
        if job._child_jobs:
            _sum_up(job)
        told = describe(job)
        if job.exit_code is not None and isinstance(told.get("container"), dict):
            told["container"]["exitCode"] = job.exit_code
        if reason := getattr(job, "container_reason", ""):
            told["container"]["reason"] = reason
        return told

    return told


def _of_all_members(terminate: Method) -> Method:
    """Have all jobs of an array end with it."""

    def terminate_all(job: Any, reason: str) -> None:
        for each in job._child_jobs or [job]:
            if each.status not in _ENDED:
                terminate(each, reason)

    return terminate_all


def _sum_up(job: Any) -> None:
    """Tell of an array what its jobs have come to."""
    states = {each.status for each in job._child_jobs}
    if states <= set(_ENDED):
        job.status = "FAILED" if "FAILED" in states else "SUCCEEDED"
    else:
        job.status = "PENDING"
