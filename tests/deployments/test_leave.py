"""Runs under the policies as they are written: what the pages name is allowed, and nothing less."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from rios_flows.computemanager import ECSComputeWorkerMgr
from rios_flows.controls.concurrency import CW_AWSBATCH, CW_ECS, ConcurrencyStyle
from rios_flows.doctor.awsbatch import look_at_batch
from rios_flows.doctor.ecs import look_at_ecs
from rios_flows.doctor.findings import Findings
from rios_flows.rioserrors import JobMgrError
from rios_flows.version import __version__
from rios_flows.workers.launchers import aws as aws_module
from rios_flows.workers.launchers.awsbatch import AwsBatchLauncher
from rios_flows.workers.launchers.ecs import EcsLauncher
from tests.deployments.test_policies import FOLDER as POLICIES
from tests.deployments.test_policies import statements
from tests.support.aws import Aws
from tests.support.aws_leave import Leave, Wish, allowed, arn
from tests.support.aws_runs import Place, job_in
from tests.support.aws_stack import stack_on
from tests.support.queue_runs import check, nothing_counted, slow

FOLDER = POLICIES.parent
PAGE = FOLDER.parent / "docs" / "aws.md"

ECS, BATCH = ("run-ecs", "run-ecs-own-cluster"), ("run-awsbatch",)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_module.AwsLauncher, "pause", 0.1)


def leave_badly(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Leave with a word, at the first attempt at a block, so that somebody asks for the log."""
    mark = Path(other["folder"], "left")
    if info.getBlockCount() == (2, 1) and not mark.exists():
        mark.touch()
        os._exit(3)
    slow(info, inputs, outputs, other)


def read(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return told


def policies(*names: str) -> Leave:
    return Leave(each for name in names for each in statements(name))


def network(aws: Aws) -> dict[str, Any]:
    return {"awsvpcConfiguration": {"subnets": [aws.subnet], "securityGroups": [aws.group]}}


def example(aws: Aws) -> dict[str, Any]:
    """Return the extra parameters of the page's example, with a network that is there."""
    (code,) = re.findall(r"cat >vegetation.py <<'END'\n(.*?)^END$", PAGE.read_text(), re.S | re.M)
    (call,) = [
        each
        for each in ast.walk(ast.parse(code))
        if isinstance(each, ast.Call) and ast.unparse(each.func).endswith("makeExtraParams_Fargate")
    ]
    given = {each.arg: ast.literal_eval(each.value) for each in call.keywords if each.arg}
    given |= {"subnet": aws.subnet, "securityGroups": [aws.group], "tags": {"project": "x"}}
    return ECSComputeWorkerMgr.makeExtraParams_Fargate(**given)


def in_the_page_s_cluster(aws: Aws) -> dict[str, Any]:
    aws.client("ecs").create_cluster(clusterName="rios-flows")
    definition = read("ecs/task-definition-fargate.json")
    aws.client("ecs").register_task_definition(**definition)
    run = {
        "cluster": "rios-flows",
        "taskDefinition": definition["family"],
        "launchType": "FARGATE",
        "networkConfiguration": network(aws),
        "tags": [{"key": "project", "value": "x"}],
    }
    return {"run_task": run, "addressParameter": "/rios-flows"}


def on_own_instances(aws: Aws) -> dict[str, Any]:
    role = "arn:aws:iam::123456789012:role/rios-flows"
    profile = "rios-flows-instance"
    iam = aws.client("iam")
    made = iam.create_instance_profile(InstanceProfileName=profile)["InstanceProfile"]
    return ECSComputeWorkerMgr.makeExtraParams_PrivateCluster(
        jobName="leave",
        numInstances=1,
        ami="ami-12c6146b",
        instanceType="m5.large",
        containerImage="rios-flows:test",
        taskRoleArn=f"{role}-task",
        executionRoleArn=f"{role}-execution",
        subnet=aws.subnet,
        securityGroups=[aws.group],
        instanceProfileArn=made["Arn"],
    )


def test_runs_in_ecs_need_all_of_their_policies(aws: Aws, tmp_path: Path) -> None:
    leave = policies(*ECS)
    for make in (example, in_the_page_s_cluster, on_own_instances):
        folder = tmp_path / make.__name__
        folder.mkdir()
        place = Place("ecs", aws, EcsLauncher, {"interface": "127.0.0.1", **make(aws)})
        job = job_in(place, folder, numComputeWorkers=1)
        with leave.enforced():
            check(job, job.run(leave_badly, nothing_counted(folder)))
    # what is said of the cluster where two runs share it
    shared = arn("ecs", "cluster/RIOS_1a2b")
    leave.wishes += [Wish("ecs:TagResource", shared), Wish("ecs:UntagResource", shared)]
    # the pretended instances leave their cluster as soon as they are ended
    assert all_needed(leave, but="TakeInstancesOutOfTheCluster")


def test_runs_in_batch_need_all_of_their_policy(aws: Aws, tmp_path: Path) -> None:
    leave = policies(*BATCH)
    extra = {
        "interface": "127.0.0.1",
        "addressParameter": "/rios-flows",
        "submit_job": {"tags": {"project": "x"}},
    }
    with stack_on(aws):
        place = Place("batch", aws, AwsBatchLauncher, extra)
        job = job_in(place, tmp_path)
        with leave.enforced():
            check(job, job.run(leave_badly, nothing_counted(tmp_path)))
    assert all_needed(leave)


def all_needed(leave: Leave, but: str = "") -> bool:
    """See that nothing was refused, and that something would be without any of the statements."""
    assert not [wish for wish in leave.wishes if leave.refused(wish)]
    for statement in leave.statements:
        if statement["Sid"] == but:
            continue
        others = Leave(each for each in leave.statements if each is not statement)
        assert any(others.refused(wish) for wish in leave.wishes), statement["Sid"]
    return True


MISSING = ["StartWorkers", "GiveWorkersTheirRoles", "KeepTheAddressOfTheRun"]


@pytest.mark.parametrize("missing", MISSING)
def test_a_run_without_leave_says_so(missing: str, aws: Aws, tmp_path: Path) -> None:
    leave = Leave(each for each in statements("run-ecs") if each["Sid"] != missing)
    place = Place("ecs", aws, EcsLauncher, in_the_page_s_cluster(aws))
    job = job_in(place, tmp_path, numComputeWorkers=1, extra={"interface": "127.0.0.1"})
    with leave.enforced(), pytest.raises(JobMgrError, match="deployments/iam") as caught:
        job.run(slow, nothing_counted(tmp_path))
    (action, *_) = [wish.action for wish in leave.wishes if leave.refused(wish)]
    assert f"perform: {action} on " in str(caught.value)


def test_the_doctor_needs_its_policy(aws: Aws) -> None:
    leave = policies("doctor")
    found = Findings()
    ecs = in_the_page_s_cluster(aws)
    with stack_on(aws), leave.enforced():
        look_at_ecs(found, ConcurrencyStyle(0, 1, CW_ECS, ecs), ecs)
        look_at_batch(found, ConcurrencyStyle(0, 1, CW_AWSBATCH), {})
    assert not found.bad, found
    assert all_needed(leave)


def test_the_worker_of_a_pool_may_use_the_template_s_queue() -> None:
    told = read("pools/aws-batch.json")["variables"]["properties"]
    for what in (
        f"job-queue/{told['job_queue']['default']}",
        f"job-definition/{told['job_definition']['default']}:1",
    ):
        wish = Wish("batch:SubmitJob", arn("batch", what))
        assert not policies("worker-awsbatch").refused(wish), what
        assert not policies("run-awsbatch").refused(wish), what


#: What pages and files may name, and how it is written.
NAMED = {
    "role": (r"role/(rios[\w-]+)", {f"rios-flows-{n}" for n in ("task", "execution", "instance")}),
    "profile": (r"instance-profile/([\w-]+)", {"rios-flows-instance"}),
    "image": (
        r"(\d+\.dkr\.[\w./-]+:[\w.]+)",
        {f"123456789012.dkr.ecr.us-east-1.amazonaws.com/rios-flows:{__version__}"},
    ),
    "logs": (
        r"(?i)log-?group(?:\W+|-name )(/\w[\w/-]+)",
        {"/rios-flows/workers", "/aws/batch/job"},
    ),
}


@pytest.mark.parametrize("what", NAMED)
def test_pages_and_files_name_the_same(what: str) -> None:
    pages = [PAGE.with_name(name) for name in ("aws.md", "deployments.md", "pools.md")]
    files = [path for path in FOLDER.rglob("*") if path.suffix in (".json", ".yaml")]
    texts = [path.read_text() for path in (*pages, *files, FOLDER / "Containerfile")]
    pattern, names = NAMED[what]
    assert {name for text in texts for name in re.findall(pattern, text)} - {
        "/rios-flows/"
    } == names


def test_prefect_s_worker_may_start_what_the_template_says() -> None:
    told = read("pools/ecs.json")["variables"]["properties"]
    cluster, family = told["cluster"]["default"], told["family"]["default"]
    wishes = [
        Wish(
            "ecs:RunTask",
            arn("ecs", f"task-definition/{family}:1"),
            {"ecs:cluster": arn("ecs", f"cluster/{cluster}")},
        ),
        Wish("ecs:StopTask", arn("ecs", f"task/{cluster}/1a2b")),
        *(
            Wish(
                "iam:PassRole",
                told[f"{kind}_role_arn"]["default"],
                {"iam:PassedToService": "ecs-tasks.amazonaws.com"},
            )
            for kind in ("task", "execution")
        ),
    ]
    leave = policies("worker-ecs")
    assert not [wish for wish in wishes if leave.refused(wish)]


def test_what_a_statement_allows() -> None:
    one: dict[str, Any] = {"Action": "ecs:RunTask", "Resource": "arn:x/rios*"}
    one["Condition"] = {"ArnLike": {"ecs:cluster": ["arn:c/a", "arn:c/b?"]}}
    for wish, may in (
        (Wish("ecs:RunTask", "arn:x/rios-1:2", {"ecs:cluster": "arn:c/a"}), True),
        (Wish("ecs:RunTask", "arn:x/rios-1:2", {"ecs:cluster": "arn:c/b1"}), True),
        (Wish("ecs:RunTask", "arn:x/rios-1:2", {"ecs:cluster": "arn:c/b"}), False),
        (Wish("ecs:RunTask", "arn:x/rios-1:2"), False),
        (Wish("ecs:RunTask", "arn:x/RIOS", {"ecs:cluster": "arn:c/a"}), False),
        (Wish("ecs:StopTask", "arn:x/rios", {"ecs:cluster": "arn:c/a"}), False),
    ):
        assert allowed(one, wish) == may, wish
