"""Who may do what in the pretended AWS: each call of this process is held against policies.

moto looks at the names of actions only, so resources and conditions are looked at here. Which
resources a call is for is told by AWS's "Service Authorization Reference".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.support.aws import ACCOUNT, REGION

Statement = Mapping[str, Any]

#: Nobody needs leave for this.
FREE = ("sts:GetCallerIdentity",)


class Wish(NamedTuple):
    """What somebody wants to do: an action, on what, and what else AWS knows of that."""

    action: str
    resource: str = "*"
    context: Mapping[str, str] = {}


def allowed(statement: Statement, wish: Wish) -> bool:
    """Return whether a statement allows something."""
    conditions = statement.get("Condition", {})
    assert conditions.keys() <= {"StringEquals", "StringLike", "ArnLike"}
    asked = {key: told for each in conditions.values() for key, told in each.items()}
    return (
        _any_like(statement["Action"], wish.action)
        and _any_like(statement["Resource"], wish.resource)
        and all(_any_like(told, wish.context.get(key, "")) for key, told in asked.items())
    )


def _any_like(patterns: str | list[str], text: str) -> bool:
    """Compare with patterns of AWS's: a star is any text, a question mark any character."""
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        plain = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(plain, text, re.DOTALL):
            return True
    return False


class Leave:
    """What is allowed, and what was wished for."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self.statements = list(statements)
        self.wishes: list[Wish] = []

    def refused(self, wish: Wish) -> bool:
        return wish.action not in FREE and not any(
            allowed(statement, wish) for statement in self.statements
        )

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Have calls of boto3 that are not allowed be refused as AWS does."""
        call = BaseClient._make_api_call

        def guarded(client: Any, operation: str, given: dict[str, Any]) -> Any:
            service = client.meta.service_model.service_name

            def ask(name: str, **more: Any) -> Any:
                return call(client, name, more)

            for wish in _wishes(service, operation, given, ask):
                self.wishes.append(wish)
                if self.refused(wish):
                    said = f"... is not authorized to perform: {wish.action} on {wish.resource}"
                    error = {"Error": {"Code": "AccessDeniedException", "Message": said}}
                    raise ClientError(error, operation)
            return call(client, operation, given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BaseClient, "_make_api_call", guarded)
            yield


def arn(service: str, rest: str) -> str:
    """Return a name of AWS's; one that is whole already stays."""
    return rest if rest.startswith("arn:") else f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


#: A further call by the same client, which needs no leave.
Ask = Callable[..., Any]


def _wishes(service: str, operation: str, given: dict[str, Any], ask: Ask) -> Iterator[Wish]:
    action = f"{service}:{operation}"
    find = _SPECIAL.get(action)
    if find is not None:
        yield from find(given, ask)
        return
    context = _cluster(given) if action == "ecs:ListTasks" else {}
    if action not in _RESOURCES:
        yield Wish(action, "*", context)
        return
    for each in _RESOURCES[action](given):
        yield Wish(action, arn(service, each), context)


def _cluster(given: Mapping[str, Any]) -> dict[str, str]:
    return {"ecs:cluster": arn("ecs", f"cluster/{given.get('cluster', 'default')}")}


def _last(name: str) -> str:
    return name.rpartition("/")[2]


#: The resources of an action by what is given to its call; the others know none.
_RESOURCES: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "ecs:DescribeTasks": lambda given: [
        f"task/{given['cluster']}/{_last(each)}" for each in given["tasks"]
    ],
    "ecs:StopTask": lambda given: [f"task/{given['cluster']}/{_last(given['task'])}"],
    "ecs:DescribeClusters": lambda given: [f"cluster/{each}" for each in given["clusters"]],
    "ecs:DeleteCluster": lambda given: [f"cluster/{given['cluster']}"],
    "ecs:ListContainerInstances": lambda given: [f"cluster/{given['cluster']}"],
    "ecs:DeregisterContainerInstance": lambda given: [f"cluster/{given['cluster']}"],
    "ecs:DescribeContainerInstances": lambda given: [
        f"container-instance/{given['cluster']}/{_last(each)}"
        for each in given["containerInstances"]
    ],
    "ecs:TagResource": lambda given: [given["resourceArn"]],
    "ecs:UntagResource": lambda given: [given["resourceArn"]],
    "ecs:DeleteTaskDefinitions": lambda given: list(given["taskDefinitions"]),
    "logs:GetLogEvents": lambda given: [
        f"log-group:{given['logGroupName']}:log-stream:{given['logStreamName']}"
    ],
    "ssm:PutParameter": lambda given: [f"parameter/{given['Name'].lstrip('/')}"],
    "ssm:DeleteParameter": lambda given: [f"parameter/{given['Name'].lstrip('/')}"],
    "batch:TerminateJob": lambda given: [f"job/{given['jobId']}"],
    "cloudformation:DescribeStacks": lambda given: [f"stack/{given['StackName']}/1a2b"],
}


def _run_task(given: dict[str, Any], ask: Ask) -> Iterator[Wish]:
    told = ask("DescribeTaskDefinition", taskDefinition=given["taskDefinition"])["taskDefinition"]
    yield Wish("ecs:RunTask", told["taskDefinitionArn"], _cluster(given))
    yield from _passed(told)
    if given.get("tags"):
        yield _tagged(f"task/{given['cluster']}/1a2b", "RunTask")


def _register(given: dict[str, Any], ask: Ask) -> Iterator[Wish]:
    yield Wish("ecs:RegisterTaskDefinition")
    yield from _passed(given)
    if given.get("tags"):
        yield _tagged(f"task-definition/{given['family']}:1", "RegisterTaskDefinition")


def _passed(definition: Mapping[str, Any]) -> Iterator[Wish]:
    for name in ("taskRoleArn", "executionRoleArn"):
        if role := definition.get(name):
            to = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
            yield Wish("iam:PassRole", role, to)


def _create_cluster(given: dict[str, Any], ask: Ask) -> Iterator[Wish]:
    yield Wish("ecs:CreateCluster")
    if given.get("tags"):
        yield _tagged(f"cluster/{given['clusterName']}", "CreateCluster")


def _tagged(what: str, by: str) -> Wish:
    return Wish("ecs:TagResource", arn("ecs", what), {"ecs:CreateAction": by})


def _run_instances(given: dict[str, Any], ask: Ask) -> Iterator[Wish]:
    for what in (f"subnet/{given['SubnetId']}", "instance/*", "volume/*", "network-interface/*"):
        yield Wish("ec2:RunInstances", arn("ec2", what))
    yield Wish("ec2:CreateTags", arn("ec2", "instance/*"), {"ec2:CreateAction": "RunInstances"})
    # of the instance profile; the role in it has its name where the console, or our page, makes it
    role = f"arn:aws:iam::{ACCOUNT}:role/{_last(given['IamInstanceProfile']['Arn'])}"
    yield Wish("iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"})


def _end_instances(given: dict[str, Any], ask: Ask) -> Iterator[Wish]:
    for one in ask("DescribeInstances", InstanceIds=given["InstanceIds"])["Reservations"]:
        for each in one["Instances"]:
            tags = {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in each["Tags"]}
            what = arn("ec2", f"instance/{each['InstanceId']}")
            yield Wish("ec2:TerminateInstances", what, tags)


def _submit_job(given: dict[str, Any], ask: Ask) -> Iterator[Wish]:
    for kind, name in (
        ("job-queue", given["jobQueue"]),
        ("job-definition", given["jobDefinition"]),
    ):
        whole = name if name.startswith("arn:") else f"{kind}/{name}"
        yield Wish("batch:SubmitJob", arn("batch", whole))
    if given.get("tags"):
        yield Wish("batch:TagResource", arn("batch", "job/1a2b"))


#: Calls that are for several things, or need leave for others beside.
_SPECIAL: dict[str, Callable[[dict[str, Any], Ask], Iterator[Wish]]] = {
    "ecs:RunTask": _run_task,
    "ecs:RegisterTaskDefinition": _register,
    "ecs:CreateCluster": _create_cluster,
    "ec2:RunInstances": _run_instances,
    "ec2:TerminateInstances": _end_instances,
    "batch:SubmitJob": _submit_job,
}
