"""Extra parameters of workers in AWS: what they mean, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from rios_flows.controls.concurrency import CW_AWSBATCH, CW_ECS
from rios_flows.rioserrors import ParameterError
from rios_flows.workers.launchers.awsextra import (
    BatchExtra,
    EcsExtra,
    check_length,
    overridden,
    with_log_region,
)

TASK = {"run_task": {"cluster": "c", "taskDefinition": "t:1"}}


@pytest.mark.parametrize(
    ("kind", "extra", "words"),
    [
        (CW_ECS, {}, "CW_ECS needs run_task"),
        (CW_ECS, {"run_task": {"cluster": "c"}}, "run_task needs a taskDefinition"),
        (CW_ECS, {"run_task": "t"}, "run_task='t' must be a dict"),
        (CW_ECS, {**TASK, "region": 3}, "region=3 must be a string"),
        (
            CW_ECS,
            {**TASK, "waitClusterInstanceCountTimeout": "long"},
            "must be a number of seconds",
        ),
        (CW_ECS, {"run_tasks": {}}, "takes no 'run_tasks': did you mean 'run_task'?"),
        (CW_ECS, {"jobQueue": "q"}, "takes no 'jobQueue': that is for CW_AWSBATCH. It takes"),
        (CW_ECS, {"run_task": {"count": 2}}, "leave 'count' out of run_task: numComputeWorkers"),
        (CW_AWSBATCH, {"submit_job": {"jobName": "j"}}, "leave 'jobName' out of submit_job"),
        (CW_AWSBATCH, {"sbatchOptions": "-n 1"}, "takes no 'sbatchOptions'"),
    ],
)
def test_what_makes_no_sense(kind: str, extra: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        (EcsExtra if kind == CW_ECS else BatchExtra).of(extra)
    assert words in str(caught.value)
    assert str(caught.value).startswith("computeWorkerExtraParams: ")


def test_tasks() -> None:
    extra = EcsExtra.of({**TASK, "region": "eu-west-1", "create_cluster": None})
    assert extra.run_task == TASK["run_task"]
    assert (extra.create_cluster, extra.wait, extra.region) == ({}, 300, "eu-west-1")
    assert EcsExtra.of({**TASK, "waitClusterInstanceCountTimeout": 9}).wait == 9


def test_where_queue_and_definition_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RIOS_AWSBATCH_STACK", "RIOS_AWSBATCH_REGION"):
        monkeypatch.delenv(name, raising=False)
    extra = BatchExtra.of({"jobQueue": "q", "submit_job": {"jobDefinition": "d", "tags": {}}})
    assert (extra.queue, extra.definition, extra.stack, extra.region) == ("q", "d", "", "")
    assert extra.submit_job == {"tags": {}}
    assert BatchExtra.of({}).stack == "RIOS"
    monkeypatch.setenv("RIOS_AWSBATCH_STACK", "ours")
    monkeypatch.setenv("RIOS_AWSBATCH_REGION", "ap-southeast-2")
    found = BatchExtra.of({"jobQueue": "q"})
    assert (found.queue, found.stack, found.region) == ("q", "ours", "ap-southeast-2")
    found = BatchExtra.of({"stack": "mine", "region": "us-west-2"})
    assert (found.stack, found.region) == ("mine", "us-west-2")
    # it is the stack's alone
    assert BatchExtra.of({"jobQueue": "q", "jobDefinition": "d"}).region == ""


def test_overrides() -> None:
    command = ["python", "-m", "rios_flows.workers", "--number", "3"]
    told = overridden(None, command, {"A": "1"})
    assert told == {"command": command, "environment": [{"name": "A", "value": "1"}]}
    own = {
        "name": "worker",
        "cpu": 512,
        "command": ["run.sh"],
        "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "0"}],
    }
    told = overridden(own, command, {"A": "1"})
    assert told["command"] == ["run.sh", "--number", "3"]
    assert told["environment"] == [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]
    assert told["cpu"] == 512
    # the caller's is as it was
    assert own["command"] == ["run.sh"]


def test_logs_have_the_region_of_the_run() -> None:
    logs = {"logDriver": "awslogs", "options": {"awslogs-group": "/logs"}}
    others = ({"name": "quiet"}, {"name": "b", "logConfiguration": {"logDriver": "splunk"}})
    here = {"logDriver": "awslogs", "options": {"awslogs-region": "eu-west-1"}}
    given = {
        "family": "f",
        "containerDefinitions": [{"name": "a", "logConfiguration": logs}, *others],
    }
    told = with_log_region(given, "us-east-1")
    assert told["family"] == "f"
    first, *rest = told["containerDefinitions"]
    assert first["logConfiguration"]["options"] == {
        "awslogs-group": "/logs",
        "awslogs-region": "us-east-1",
    }
    assert tuple(rest) == others
    # what is given stays
    assert logs["options"] == {"awslogs-group": "/logs"}
    kept = with_log_region({"containerDefinitions": [{"logConfiguration": here}]}, "us-east-1")
    assert kept["containerDefinitions"] == [{"logConfiguration": here}]


def test_length() -> None:
    check_length({"a": "x" * 8183})
    with pytest.raises(ParameterError, match="have 8193 characters, and AWS takes 8192"):
        check_length({"a": "x" * 8184})
