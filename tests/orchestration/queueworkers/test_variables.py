"""What can be said of a job, and the queue's options that come of it."""

from __future__ import annotations

import sys
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from pydantic import ValidationError

from rios_flows.orchestration.queueworkers import job
from rios_flows.orchestration.queueworkers.variables import (
    AwsBatchConfiguration,
    PbsConfiguration,
    SlurmConfiguration,
    ignored,
)
from rios_flows.orchestration.queueworkers.worker import (
    AwsBatchWorker,
    PbsWorker,
    QueueWorker,
    SlurmWorker,
)

ALL: dict[str, Any] = {"walltime": 90, "memory": 500, "cpus": 2, "options": ["-A forest"]}


def test_options_of_slurm() -> None:
    assert SlurmConfiguration().directives() == []
    asked = SlurmConfiguration(partition="short", **ALL).directives()
    assert asked == [
        *("--partition=short", "--time=90", "--mem=500M", "--ntasks=1", "--cpus-per-task=2"),
        "-A forest",
    ]


def test_options_of_pbs() -> None:
    assert PbsConfiguration().directives() == ["-r n"]
    asked = PbsConfiguration(queue="workq", **ALL).directives()
    assert asked == [
        *("-r n", "-q workq", "-l walltime=01:30:00", "-l select=1:ncpus=2:mem=500mb"),
        "-A forest",
    ]
    assert PbsConfiguration(memory=1).directives()[1:] == ["-l select=1:mem=1mb"]


@pytest.mark.parametrize(
    "bad", [{"walltime": 0}, {"memory": -1}, {"cpus": 0}, {"partition": "a b"}, {"options": "-A x"}]
)
def test_what_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(bad))):
        SlurmConfiguration(**bad)


def test_batch_needs_a_queue_and_a_definition() -> None:
    with pytest.raises(ValidationError, match=r"job_queue\n(.*\n)*job_definition"):
        AwsBatchConfiguration()  # type: ignore[call-arg]


def test_name_and_command() -> None:
    run = FlowRun(flow_id=uuid4(), name="brave-whale")
    configuration = SlurmConfiguration()
    configuration.prepare_for_flow_run(run)
    assert configuration.name == "brave-whale"
    assert configuration.command == f"{sys.executable} -m {job.__name__}"
    in_a_container = AwsBatchConfiguration(job_queue="q", job_definition="d")
    in_a_container.prepare_for_flow_run(run)
    assert in_a_container.command == f"python -m {job.__name__}"


@pytest.mark.parametrize(
    "worker", [SlurmWorker, PbsWorker, AwsBatchWorker], ids=lambda one: str(one.type)
)
def test_the_form_says_what_everything_is(worker: type[QueueWorker]) -> None:
    template = worker.get_default_base_job_template()
    variables = template["variables"]["properties"]
    assert set(template["job_configuration"]) == set(variables)
    assert all(each["description"] for each in variables.values())
    assert "in minutes" in variables["walltime"]["description"]
    assert "in MiB" in variables["memory"]["description"]
    assert QueueWorker.get_worker_class_from_type(worker.type) is worker


def test_variables_that_are_ignored() -> None:
    template = SlurmWorker.get_default_base_job_template()
    known = ["walltime", "memory", "env", "command", "name", "labels", "options", "partition"]
    assert ignored(template, known) == []
    assert ignored(template, ["memroy", "x", "x"]) == ["'memroy' (did you mean 'memory'?)", "'x'"]
    assert ignored({}, ["memory"]) == ["'memory'"]
