"""Each queue that there is a worker type for, in turn."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rios_flows.orchestration.queueworkers import rounds
from rios_flows.orchestration.queueworkers.worker import AwsBatchWorker, PbsWorker, SlurmWorker
from tests.orchestration.queueworkers.labs import Lab
from tests.orchestration.served import Api
from tests.support.aws import Aws
from tests.support.aws_containers import SLOW_IMAGE
from tests.support.queues import Queue
from tests.workers import conftest as queues

slurm_cluster, emulated_pbs = queues.slurm_cluster, queues.emulated_pbs
slurm_queue, pbs_queue = queues.slurm_queue, queues.pbs_queue


@pytest.fixture
def slurm_lab(api: Api, slurm_queue: Queue, tmp_path: Path) -> Lab:
    """Return Slurm."""
    run = slurm_queue.lab.run

    def told(job: str) -> str:
        return run("scontrol", "show", "job", "--details", job)

    return Lab(
        kind="slurm",
        worker=SlurmWorker,
        api=api,
        folder=tmp_path,
        ids=slurm_queue.ids,
        kill=lambda job: run("scancel", "--signal=KILL", "--full", job),
        told=told,
        endless={"options": [slurm_queue.words["too many"]]},
        refused={"partition": "nowhere"},
        words="invalid partition specified: nowhere",
        # its daemon looks for their end after 1, 2, 4 and 8 s
        tidies=8,
        variables=_variables(tmp_path, slurm_queue),
    )


@pytest.fixture
def pbs_lab(api: Api, pbs_queue: Queue, tmp_path: Path) -> Lab:
    """Return PBS."""
    run = pbs_queue.lab.run
    return Lab(
        kind="pbs",
        worker=PbsWorker,
        api=api,
        folder=tmp_path,
        ids=pbs_queue.ids,
        kill=lambda job: run("qdel", job),
        told=lambda job: run("qstat", "-f", job),
        endless={"cpus": 64},
        refused={"queue": "nowhere"},
        words="Unknown queue",
        variables=_variables(tmp_path, pbs_queue),
    )


@pytest.fixture
def batch_lab(api: Api, aws: Aws, tmp_path: Path) -> Lab:
    """Return AWS Batch; whoever may describe its jobs sees their variables."""

    def kill(job: str) -> None:
        aws.client("batch").terminate_job(jobId=job, reason="Host EC2 (instance i-1) terminated.")

    def told(job: str) -> str:
        return str(aws.client("batch").describe_jobs(jobs=[job])["jobs"][0]["jobName"])

    return Lab(
        kind="aws-batch",
        worker=AwsBatchWorker,
        api=api,
        folder=tmp_path,
        ids=lambda: [job["jobId"] for job in aws.jobs()],
        kill=kill,
        told=told,
        endless={"job_definition": aws.job_definition("endless", image=SLOW_IMAGE)},
        refused={"job_queue": "nowhere"},
        words="nowhere",
        variables={"job_queue": aws.queue, "job_definition": aws.job_definition("flow-runs")},
    )


@pytest.fixture(params=["slurm", "pbs", "batch"])
def lab(request: pytest.FixtureRequest) -> Lab:
    """Give the test each queue in turn."""
    found: Lab = request.getfixturevalue(f"{request.param}_lab")
    return found


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look more often than users need."""
    monkeypatch.setattr(rounds, "PAUSE", 0.5)
    monkeypatch.setattr(rounds, "LOOK", 1.0)


def _variables(folder: Path, queue: Queue) -> dict[str, object]:
    return {
        # Prefect needs more than jobs get unasked
        "memory": 900,
        "working_dir": str(folder),
        "job_folder": str(folder / "jobs"),
        "env": {"PATH": os.environ["PATH"], **queue.lab.environment},
    }
