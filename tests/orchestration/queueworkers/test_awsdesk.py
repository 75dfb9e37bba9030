"""AWS Batch, as a worker of Prefect uses it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from rios_flows.orchestration.queueworkers.awsdesk import AwsBatchDesk
from rios_flows.orchestration.queueworkers.variables import AwsBatchConfiguration
from rios_flows.rioserrors import JobMgrError
from tests.orchestration.served import eventually
from tests.support.aws import Aws


def configuration(aws: Aws, **changes: Any) -> AwsBatchConfiguration:
    values = {
        "name": "a run/1.2",
        "job_queue": aws.queue,
        "job_definition": aws.job_definition("flow-runs"),
        "command": "sh -c 'echo $WORD; exec sleep 60'",
        "env": {"WORD": "last words", "NOT_SET": None},
    }
    return AwsBatchConfiguration(**{**values, **changes})


def test_what_batch_is_asked_for(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, run = AwsBatchDesk(), uuid4()
    asked = configuration(
        aws,
        walltime=2,
        memory=700,
        cpus=2,
        env={"WORD": "last words", "PREFECT__FLOW_RUN_ID": str(run)},
    )
    sent: list[dict[str, Any]] = []
    submit = desk._batch.submit_job

    def send(**request: Any) -> Any:
        sent.append(request)
        return submit(**request)

    monkeypatch.setattr(desk._batch, "submit_job", send)
    job = desk.submit(run, asked)
    # moto does not tell these
    assert sent[0]["containerOverrides"]["resourceRequirements"] == [
        {"type": "VCPU", "value": "2"},
        {"type": "MEMORY", "value": "700"},
    ]
    assert (job.name, job.state) == ("a_run_1_2", "pending")
    [told] = aws.client("batch").describe_jobs(jobs=[job.id])["jobs"]
    assert told["jobName"] == "a_run_1_2"
    assert told["timeout"] == {"attemptDurationSeconds": 120}
    # found by its flow run, as if its id had got lost
    assert desk.find(run, asked, "") == job
    assert desk.find(uuid4(), asked, "") is None
    assert desk.find(run, asked, "known") is not None
    eventually(lambda: "last words" in aws.log(f"batch-{job.id}"))
    desk.cancel(job.id)
    desk.kill(job.id)
    eventually(lambda: desk.look([job])[job.id].state == "ended")
    assert "cancelled" in desk.look([job])[job.id].reason
    assert desk.log_end(job) == "last words"
    desk.forget(run, job, keep_log=True)
    assert desk.log_end(job) == ""


def test_refusals(aws: Aws) -> None:
    with pytest.raises(JobMgrError, match=r"flow run: .*see job_queue"):
        AwsBatchDesk().submit(uuid4(), configuration(aws, job_definition="no-such-definition"))
