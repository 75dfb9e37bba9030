"""The stack of CloudFormation of the deployment files, in the pretended AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.aws import ROLE, ROOT, Aws

#: Its name, by which a run finds it.
NAME = "RIOS"


@contextmanager
def stack_on(aws: Aws, **chosen: str) -> Iterator[dict[str, Any]]:
    """Make the stack with some parameters of its own, give what AWS tells of it, and remove it."""
    text = (ROOT / "deployments" / "batch" / "stack.yaml").read_text()
    # where none is named AWS takes a role of its own; moto knows none
    text = text.replace(
        "      Type: MANAGED\n", f"      Type: MANAGED\n      ServiceRole: {ROLE}\n"
    )
    chosen = {
        "Image": "rios-flows:test",
        "Subnets": aws.subnet,
        "SecurityGroups": aws.group,
        "InputBucket": "scenes",
        **chosen,
    }
    formation = aws.client("cloudformation")
    formation.create_stack(
        StackName=NAME,
        TemplateBody=text,
        Parameters=[{"ParameterKey": key, "ParameterValue": chosen[key]} for key in chosen],
        Capabilities=["CAPABILITY_IAM"],
    )
    try:
        (stack,) = formation.describe_stacks(StackName=NAME)["Stacks"]
        yield stack
    finally:
        formation.delete_stack(StackName=NAME)
        # moto leaves it
        batch, queue = aws.client("batch"), f"{NAME}-rios-flows"
        batch.update_job_queue(jobQueue=queue, state="DISABLED")
        batch.delete_job_queue(jobQueue=queue)
