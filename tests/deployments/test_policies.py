"""Policies allow each call of AWS that the code makes, and no other."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import prefect_aws
import pytest
from botocore import xform_name

import rios_flows

PACKAGE = Path(rios_flows.__file__).parent
FOLDER = PACKAGE.parent / "deployments" / "iam"
LAUNCHERS = PACKAGE / "workers" / "launchers"
PREFECT_AWS = Path(prefect_aws.__file__).parent

#: What AWS asks for beside a call.
BESIDE = {
    "iam:PassRole": {"ecs:RunTask", "ec2:RunInstances", "ecs:RegisterTaskDefinition"},
    "ecs:TagResource": {"ecs:RunTask"},
    "batch:TagResource": {"batch:SubmitJob"},
    "ec2:CreateTags": {"ec2:RunInstances"},
    # the stack has the names of what is looked at
    "cloudformation:DescribeStacks": {"batch:DescribeJobQueues"},
}

#: Jobs of flow runs have no tags; and it is clusters that lose one, not jobs. Who looks before a
#: run checks a request, and does not send it.
WITHOUT: dict[tuple[str, ...], set[str]] = {
    ("worker-awsbatch",): {"batch:TagResource"},
    ("run-awsbatch",): {"batch:UntagResource"},
    # who looks whether instances would start may start some
    ("doctor",): {
        *("batch:SubmitJob", "batch:TagResource"),
        *("ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"),
    },
}

#: Nobody needs leave to ask who he is.
FREE = {"sts:GetCallerIdentity"}

#: What GDAL asks of S3, and what ECS itself asks for a task (AWS's page on the execution role).
GDAL = {"s3:GetObject", "s3:ListBucket"}
STARTING = {
    *("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage"),
    *("ecr:GetDownloadUrlForLayer", "logs:CreateLogStream", "logs:PutLogEvents"),
}

#: What both kinds of workers call.
AWS = tuple(LAUNCHERS / name for name in ("aws.py", "cloudwatch.py", "remains.py"))

#: Policies, the modules whose calls they are for, and the services of these that count.
OF_MODULES: dict[tuple[str, ...], tuple[tuple[Path, ...], set[str]]] = {
    ("run-ecs", "run-ecs-own-cluster"): (
        (*AWS, LAUNCHERS / "ecs.py", LAUNCHERS / "ecscluster.py"),
        {"ecs", "ec2", "logs", "ssm"},
    ),
    ("run-awsbatch",): (
        (*AWS, LAUNCHERS / "awsbatch.py"),
        {"batch", "cloudformation", "logs", "ssm"},
    ),
    ("worker-awsbatch",): (
        (PACKAGE / "orchestration" / "queueworkers" / "awsdesk.py", LAUNCHERS / "cloudwatch.py"),
        {"batch", "logs"},
    ),
    ("worker-ecs",): (
        (PREFECT_AWS / "workers" / "ecs_worker.py", PREFECT_AWS / "observers" / "ecs.py"),
        {"ecs", "ec2", "logs", "sqs"},
    ),
    ("doctor",): (tuple((PACKAGE / "doctor").glob("*.py")), {"ecs", "batch", "ec2"}),
}


@cache
def operations(service: str) -> dict[str, str]:
    """Return the actions of a service by the names of boto3's methods."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): f"{service}:{name}" for name in model.operation_names}


@cache
def services() -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_available_services())


def services_in(tree: ast.AST) -> set[str]:
    """Return what clients are made for: ``client("ecs")`` and ``session.client("ecs")``."""
    return {
        str(call.args[0].value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).endswith("client")
        and call.args
        and isinstance(call.args[0], ast.Constant)
    } & services()


def words_in(tree: ast.AST) -> Iterator[str]:
    """Yield the methods that are called, and texts that are given to calls (of paginators)."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            if isinstance(call.func, ast.Attribute):
                yield call.func.attr
            for text in ast.walk(call):
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield text.value


def calls_in(*modules: Path) -> set[str]:
    """Return the actions of all calls of boto3 in some modules."""
    found = set()
    for module in modules:
        tree = ast.parse(module.read_text("utf-8"))
        words = set(words_in(tree))
        for service in services_in(tree):
            known = operations(service)
            found |= {known[word] for word in words if word in known}
    return found


def statements(name: str) -> list[dict[str, Any]]:
    policy = json.loads((FOLDER / f"{name}.json").read_text())
    assert policy["Version"] == "2012-10-17"
    found: list[dict[str, Any]] = policy["Statement"]
    return found


def actions(name: str) -> set[str]:
    found: set[str] = set()
    for statement in statements(name):
        assert statement["Effect"] == "Allow"
        told = statement["Action"]
        found |= {told} if isinstance(told, str) else set(told)
    return found


def with_what_is_beside(used: set[str]) -> set[str]:
    return used | {action for action, calls in BESIDE.items() if calls & used}


@pytest.mark.parametrize("names", OF_MODULES, ids="+".join)
def test_each_call_is_allowed_and_nothing_else(names: tuple[str, ...]) -> None:
    modules, services = OF_MODULES[names]
    used = {each for each in calls_in(*modules) if each.partition(":")[0] in services} - FREE
    assert len(used) > 2
    allowed = set().union(*map(actions, names))
    assert allowed == with_what_is_beside(used) - WITHOUT.get(names, set())


def test_every_module_that_asks_aws_is_known() -> None:
    known = {module for modules, _ in OF_MODULES.values() for module in modules}
    # the one asks for the region of a client, and nothing of AWS
    known |= {PACKAGE / "workers" / "__main__.py", LAUNCHERS / "ecsparams.py"}
    # outputs in S3: docs/deployments.md has their actions
    known |= set((PACKAGE / "outputs" / "publishing").glob("*.py"))
    texts = {path: path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    asking = {
        path for path, text in texts.items() if "client(" in text and services_in(ast.parse(text))
    }
    assert asking <= known


def test_outputs_in_s3() -> None:
    used = calls_in(PACKAGE / "outputs" / "publishing" / "upload.py")
    # in policies ListBucket stands for the first two, DeleteObject for the last
    assert used == {"s3:HeadBucket", "s3:ListObjectsV2", "s3:DeleteObjects"}
    page = (FOLDER.parents[1] / "docs" / "deployments.md").read_text()
    for action in ("GetObject", "PutObject", "DeleteObject", "ListBucket", "AbortMultipartUpload"):
        assert f"`s3:{action}`" in page


def test_workers_may_read_and_find_the_run() -> None:
    used = calls_in(PACKAGE / "workers" / "__main__.py")
    assert used == {"ssm:GetParameter"}
    assert actions("task-role") == used | GDAL


def test_what_starts_tasks() -> None:
    assert actions("execution-role") == STARTING
    for name, service in (("trust", "ecs-tasks"), ("trust-instance", "ec2")):
        (trust,) = statements(name)
        assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}
        assert actions(name) == {"sts:AssumeRole"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_aws_takes_as_long_a_policy(path: Path) -> None:
    told = json.loads(path.read_text().replace("us-east-1", "ap-southeast-1"))
    # of a managed policy, and of a role's trust
    for_users = path.stem.startswith(("run-", "doctor", "worker-"))
    assert len(json.dumps(told, separators=(",", ":"))) < (6144 if for_users else 2048)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_nothing_is_allowed_for_all(path: Path) -> None:
    ids = [statement["Sid"] for statement in statements(path.stem) if "Sid" in statement]
    assert len(ids) == len(set(ids))
    for statement in statements(path.stem):
        told = statement["Action"]
        for action in [told] if isinstance(told, str) else told:
            assert "*" not in action
            service, _, name = action.partition(":")
            known = operations(service).values() if service != "s3" else ()
            # actions that are no operations of the service's own
            others = {*BESIDE, *GDAL, *STARTING, "sts:AssumeRole"}
            assert action in known or action in others, action
            assert name
