"""RIOS's two constructors of extra parameters for workers in ECS."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from rios_flows.rioserrors import JobMgrError, ParameterError, deprecationWarning

#: Tags of what a run makes, as RIOS's.
_CLUSTER_TAG, _INSTANCE_TAG, _NAME_TAG = (
    *("RIOS-cluster", "RIOS-computeworkerinstance"),
    "RIOS-clustername",
)

#: The name of the container.
_CONTAINER = "rios_worker"

_Tags = Mapping[str, str] | Iterable[Mapping[str, str]] | None


class ECSComputeWorkerMgr:
    """Makes ``computeWorkerExtraParams`` for ``CW_ECS``; all can be changed afterwards."""

    @staticmethod
    def makeExtraParams_Fargate(
        jobName: str | None = None,
        containerImage: str | None = None,
        taskRoleArn: str | None = None,
        executionRoleArn: str | None = None,
        subnets: list[str] | None = None,
        subnet: str | None = None,
        securityGroups: list[str] | None = None,
        cpu: str = "0.5 vCPU",
        memory: str = "1GB",
        cpuArchitecture: str | None = None,
        cloudwatchLogGroup: str | None = None,
        tags: _Tags = None,
    ) -> dict[str, Any]:
        """Return parameters for tasks on Fargate, in a cluster that is made for the run.

        Parameters
        ----------
        jobName : str, optional
            Part of the names of all that is made.
        containerImage : str
            With the script's versions of Python, numpy, rasterio and rios_flows.
        taskRoleArn, executionRoleArn : str
            What the worker may do (read its inputs), and what ECS may do for it (pull the image,
            write logs).
        subnets : list of str, optional
            Deprecated: give `subnet`.
        subnet : str
            Where the tasks are; from there they must reach this machine.
        securityGroups : list of str
            Of the tasks.
        cpu, memory : str
            Of each task.
        cpuArchitecture : str, optional
            ``X86_64`` or ``ARM64``.
        cloudwatchLogGroup : str, optional
            A log group that exists; the end of a worker's log is then in errors.
        tags : dict or list of dict, optional
            Of cluster, task definition and tasks.

        Raises
        ------
        ParameterError
            If something is missing, or `subnet` is given twice.
        """
        if subnets and subnet:
            raise ParameterError("makeExtraParams_Fargate: give subnet, and leave subnets out")
        if subnets:
            deprecationWarning("makeExtraParams_Fargate: subnets is deprecated; give subnet", 3)
        places = subnets or ([subnet] if subnet else [])
        _need(
            "makeExtraParams_Fargate",
            containerImage=containerImage,
            executionRoleArn=executionRoleArn,
            subnet=places,
            securityGroups=securityGroups,
        )
        name = _name(jobName)
        told = _tags(tags)
        definition: dict[str, Any] = {
            "family": f"{name}_task",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [_container(containerImage, cloudwatchLogGroup, name)],
            "cpu": cpu,
            "memory": memory,
            **_roles(taskRoleArn, executionRoleArn),
        }
        if cpuArchitecture:
            definition["runtimePlatform"] = {"cpuArchitecture": cpuArchitecture}
        network = {"subnets": places, "securityGroups": list(securityGroups or ())}
        run = {
            "launchType": "FARGATE",
            "cluster": f"{name}_cluster",
            "networkConfiguration": {"awsvpcConfiguration": network},
        }
        return _with_tags(told, name, definition, run)

    @staticmethod
    def makeExtraParams_PrivateCluster(
        jobName: str | None = None,
        numInstances: int | None = None,
        ami: str | None = None,
        instanceType: str | None = None,
        containerImage: str | None = None,
        taskRoleArn: str | None = None,
        executionRoleArn: str | None = None,
        subnet: str | None = None,
        securityGroups: list[str] | None = None,
        instanceProfileArn: str | None = None,
        memoryReservation: int = 1024,
        cloudwatchLogGroup: str | None = None,
        tags: _Tags = None,
    ) -> dict[str, Any]:
        """Return parameters for tasks on instances, which are made for the run with their cluster.

        Parameters
        ----------
        numInstances : int
            How many instances; see that they have room for all workers.
        ami : str
            An image of instances that has the agent of ECS.
        instanceType : str
            Such as ``m6i.2xlarge``.
        instanceProfileArn : str
            What an instance may do: join the cluster.
        memoryReservation : int
            Memory of each worker (MiB).
        jobName, containerImage, taskRoleArn, executionRoleArn, subnet, securityGroups, \
cloudwatchLogGroup, tags
            As of :meth:`makeExtraParams_Fargate`; subnet and groups are the instances'.

        Raises
        ------
        ParameterError
            If something is missing.
        """
        _need(
            "makeExtraParams_PrivateCluster",
            numInstances=numInstances,
            ami=ami,
            instanceType=instanceType,
            containerImage=containerImage,
            subnet=subnet,
            securityGroups=securityGroups,
            instanceProfileArn=instanceProfileArn,
        )
        name = _name(jobName)
        told = _tags(tags)
        cluster = f"{name}_cluster"
        definition = {
            "family": f"{name}_task",
            "containerDefinitions": [
                {
                    **_container(containerImage, cloudwatchLogGroup, name),
                    "memoryReservation": memoryReservation,
                }
            ],
            **_roles(taskRoleArn, executionRoleArn),
        }
        params = _with_tags(told, name, definition, {"launchType": "EC2", "cluster": cluster})
        own = {_INSTANCE_TAG: "True", _NAME_TAG: cluster, **told}
        params["run_instances"] = {
            "ImageId": ami,
            "InstanceType": instanceType,
            "MinCount": numInstances,
            "MaxCount": numInstances,
            "SubnetId": subnet,
            "SecurityGroupIds": list(securityGroups or ()),
            "IamInstanceProfile": {"Arn": instanceProfileArn},
            "UserData": f"#!/bin/bash\necho ECS_CLUSTER={cluster} >> /etc/ecs/ecs.config\n",
            "TagSpecifications": [
                {
                    "ResourceType": "instance",
                    "Tags": [{"Key": key, "Value": value} for key, value in own.items()],
                }
            ],
        }
        return params


def _with_tags(
    tags: Mapping[str, str], name: str, definition: dict[str, Any], run: dict[str, Any]
) -> dict[str, Any]:
    cluster = {"clusterName": run["cluster"], "tags": _listed({_CLUSTER_TAG: "True", **tags})}
    if tags:
        definition["tags"] = run["tags"] = _listed(tags)
    return {"create_cluster": cluster, "register_task_definition": definition, "run_task": run}


def _container(image: str | None, group: str | None, name: str) -> dict[str, Any]:
    told: dict[str, Any] = {"name": _CONTAINER, "image": image, "essential": True}
    if group:
        options = {"awslogs-group": group, "awslogs-stream-prefix": name}
        if region := _region():
            options["awslogs-region"] = region
        told["logConfiguration"] = {"logDriver": "awslogs", "options": options}
    return told


def _region() -> str:
    from rios_flows.workers.launchers.awsclient import client

    # without one, it is that of the run
    with suppress(JobMgrError):
        return str(client("ecs", "").meta.region_name)
    return ""


def _roles(task: str | None, execution: str | None) -> dict[str, str]:
    given = {"taskRoleArn": task, "executionRoleArn": execution}
    return {name: arn for name, arn in given.items() if arn}


def _name(job: str | None) -> str:
    from rios_flows.workers.launchers.script import job_name

    plain = f"{job_name(job).replace('.', '_')}-" if job else ""
    return f"RIOS_{plain}{secrets.token_hex(4)}"


def _tags(tags: _Tags) -> dict[str, str]:
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    try:
        return {str(each["key"]): str(each["value"]) for each in tags or ()}
    except (KeyError, TypeError) as error:
        raise ParameterError(
            f"tags={tags!r} must be a dict, or a list of dicts with key and value"
        ) from error


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _need(function: str, **given: Any) -> None:
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise ParameterError(f"{function}: {', '.join(missing)} must be given")
