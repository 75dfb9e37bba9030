"""Tasks of moto's ECS that really run, with states and reasons as AWS tells them."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread, local
from typing import Any

import moto.ec2.models.elastic_network_interfaces as interfaces
import moto.ecs.models as models
from moto.core.responses import ActionResult
from moto.ec2.models.instances import InstanceBackend
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.logs.models import logs_backends
from moto.sqs.models import sqs_backends

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
Backend: Any = models.EC2ContainerServiceBackend
Response: Any = EC2ContainerServiceResponse
Machines: Any = InstanceBackend

#: On which instances the task may be that a thread places; empty for all.
_placing = local()

#: What RunTask takes at most: tasks at once, and characters of overrides.
_MOST_TASKS, _LONGEST_OVERRIDES = 10, 8192

#: In seconds: how often a task is looked at, and for how long one gets ready.
_PAUSE, _PROVISIONING = 0.05, 0.05


class Tasks:
    """Runs the tasks of all clusters.

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
        self._threads: list[Thread] = []

    def patch(self) -> None:
        """Have moto's backends use this."""
        Backend.run_task = self._running(Backend.run_task)
        Backend.stop_task = _stop_task
        Response.run_task = _with_what_is_missing(Response.run_task)
        Backend._can_be_placed = staticmethod(_where_it_may(Backend._can_be_placed))
        Response.describe_tasks = _with_unknown_tasks(Response.describe_tasks)
        Machines.run_instances = _joining(Machines.run_instances)
        Machines.terminate_instances = _leaving(Machines.terminate_instances)
        if not hasattr(interfaces.NetworkInterface, "private_dns_name"):
            # of a network without names of hosts
            interfaces.NetworkInterface.private_dns_name = ""

    def stop(self) -> None:
        """End all tasks."""
        self.over.set()
        for thread in self._threads:
            thread.join(15)

    def left(self) -> list[dict[str, str]]:
        """Return the tasks of all clusters that have not stopped, and what is wanted of each."""
        return [
            {"id": task.task_arn, "cluster": name, "wanted": task.desired_status}
            for backends in models.ecs_backends.values()
            for backend in backends.values()
            for name, tasks in list(backend.tasks.items())
            for task in list(tasks.values())
            if task.last_status != "STOPPED"
        ]

    def _running(self, run: Method) -> Method:
        """Have tasks really run."""

        def run_task(backend: Any, cluster: str, definition: str, count: int, *rest: Any) -> Any:
            _check(count, rest[0])
            network = rest[4] if len(rest) > 4 else None
            if network:
                network["awsvpcConfiguration"].setdefault("securityGroups", [])
            found = backend.describe_task_definition(definition)
            _give_memory(found)
            if not _on_fargate(*rest) and not backend.list_container_instances(cluster, "ACTIVE"):
                raise InvalidParameterException(
                    "No Container Instances were found in your cluster."
                )
            tasks = run(backend, cluster, definition, count, *rest)
            for task in tasks:
                self._start(task, found)
            return tasks

        return run_task

    def _start(self, task: Any, definition: Any) -> None:
        task.stopping = ""
        task.created_at = datetime.now(UTC)
        task.version = 0
        task.containers[0].exitCode = task.containers[0].exit_code = None
        self._now(task, "PROVISIONING")
        thread = Thread(target=self._run, args=(task, definition), name=f"task {task.id}")
        self._threads.append(thread)
        thread.start()

    def _run(self, task: Any, definition: Any) -> None:
        wanted = definition.container_definitions[0]
        overrides = (task.overrides or {}).get("containerOverrides") or ()
        own = next((each for each in overrides if each.get("name") == wanted["name"]), None)
        self.over.wait(_PROVISIONING)
        self._now(task, "PENDING")
        try:
            container = self._container(task, wanted, own)
        except CannotStart as error:
            task.stop_code, task.stopped_reason = "TaskFailedToStart", str(error)
            task.containers[0].reason = str(error)
        else:
            if container is not None:
                self._follow(task, wanted, container)
        if task.stopping:
            spot = "Spot" in task.stopping
            task.stop_code = "SpotInterruption" if spot else "UserInitiated"
            task.stopped_reason = task.stopping
        task.desired_status, task.stopped_at = "STOPPED", datetime.now(UTC)
        self._now(task, "STOPPED")

    def _container(self, task: Any, wanted: Mapping[str, Any], own: Any) -> Container | None:
        image = wanted.get("image")
        if image == NO_IMAGE:
            raise CannotStart(
                f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed "
                f"to resolve ref docker.io/{image}: docker.io/{image}: not found"
            )
        while image == SLOW_IMAGE and not task.stopping and not self.over.wait(_PAUSE):
            pass
        if task.stopping or self.over.is_set():
            return None
        command, variables = merged(wanted, own)
        variables["ECS_CONTAINER_METADATA_URI_V4"] = f"{self.endpoint}/v4/{task.id}"
        variables["TEST_JOB"] = task.task_arn
        whole = environment(variables, self.endpoint, task.region_name)
        return Container(command, whole, self.folder / f"{task.id}.log")

    def _follow(self, task: Any, wanted: Mapping[str, Any], container: Container) -> None:
        task.started_at = datetime.now(UTC)
        self._now(task, "RUNNING")
        while container.code is None and not task.stopping and not self.over.wait(_PAUSE):
            pass
        if container.code is None:
            self._now(task, "STOPPING")
        container.stop()
        task.stop_code = "EssentialContainerExited"
        task.stopped_reason = "Essential container in task exited"
        told = task.containers[0]
        told.exitCode = told.exit_code = container.code
        logging = wanted.get("logConfiguration") or {}
        if logging.get("logDriver") == "awslogs":
            options = logging["options"]
            stream = f"{options['awslogs-stream-prefix']}/{wanted['name']}/{task.id}"
            logs = logs_backends[task._account_id][task.region_name]
            tell_cloudwatch(logs, options["awslogs-group"], stream, container.lines())

    def _now(self, task: Any, status: str) -> None:
        task.last_status = status
        for container in task.containers:
            container.last_status = status if status in ("RUNNING", "STOPPED") else "PENDING"
        task.version += 1
        _tell_prefect(task)


def _stop_task(backend: Any, cluster: str, task: str, reason: str) -> Any:
    for each in backend.tasks.get(backend._get_cluster(cluster).name, {}).values():
        if each.id == task.split("/")[-1]:
            stop(each, reason or "Task stopped by user")
            return each
    raise InvalidParameterException("The referenced task was not found.")


def _with_what_is_missing(run: Method) -> Method:
    """Tell, beside the tasks, for how many there is no room."""

    answered: dict[str, Any] = {}

    def run_task(response: Any) -> ActionResult:
        token = response._get_param("clientToken")
        # a request that is sent again, whatever became of the answer
        if token in answered:
            return ActionResult(answered[token])
        constraints = response._get_param("placementConstraints") or ()
        _placing.instances = re.findall(r"i-\w+", str(constraints))
        tasks = run(response).result["tasks"]
        missing = int(response._get_param("count", 1)) - len(tasks)
        arn = "arn:aws:ecs:us-east-1:123456789012:container-instance/1"
        failures = [{"arn": arn, "reason": "RESOURCE:MEMORY"}] * missing
        answered[token] = {"tasks": tasks, "failures": failures}
        return ActionResult(answered[token])

    return run_task


def _where_it_may(fits: Callable[..., bool]) -> Callable[..., bool]:
    def can_be_placed(instance: Any, wanted: Any) -> bool:
        may_be = not _placing.instances or instance.ec2_instance_id in _placing.instances
        return may_be and fits(instance, wanted)

    return can_be_placed


def _with_unknown_tasks(describe: Method) -> Method:
    def describe_tasks(response: Any) -> Any:
        answer = describe(response)
        known = {task.task_arn for task in answer.result["tasks"]}
        missing = [arn for arn in response._get_param("tasks", []) if arn not in known]
        answer.result["failures"] = [{"arn": arn, "reason": "MISSING"} for arn in missing]
        return answer

    return describe_tasks


def _joining(run: Method) -> Method:
    """Have instances join the cluster that their user data name, as AWS's agent does."""

    def run_instances(
        backend: Any, image: str, count: int, data: Any, *rest: Any, **more: Any
    ) -> Any:
        reservation = run(backend, image, count, data, *rest, **more)
        cluster = _cluster_in(data.decode() if data else "")
        ecs = models.ecs_backends[backend.account_id][backend.region_name]
        if cluster in ecs.clusters:
            for instance in reservation.instances:
                ecs.register_container_instance(cluster, instance.id)
        return reservation

    return run_instances


def _leaving(terminate: Method) -> Method:
    """Have instances that end leave their cluster, and their tasks end with them."""

    def terminate_instances(backend: Any, ids: list[str]) -> Any:
        ended = terminate(backend, ids)
        ecs = models.ecs_backends[backend.account_id][backend.region_name]
        for name, members in ecs.container_instances.items():
            for key in [key for key, each in members.items() if each.ec2_instance_id in ids]:
                _stop_tasks_on(ecs.tasks.get(name, {}), members.pop(key).container_instance_arn)
                ecs.clusters[name].registered_container_instances_count -= 1
        return ended

    return terminate_instances


def stop(task: Any, reason: str) -> None:
    """Have a task end."""
    task.desired_status, task.stopping = "STOPPED", reason


def _check(count: int, overrides: Any) -> None:
    if count and int(count) > _MOST_TASKS:
        raise InvalidParameterException("count cannot be greater than 10.")
    if len(json.dumps(overrides or {})) > _LONGEST_OVERRIDES:
        raise InvalidParameterException("Container Overrides length must be at most 8192")


def _give_memory(definition: Any) -> None:
    """Let containers of Fargate name no memory of their own, as AWS does."""
    for each in definition.container_definitions:
        if "memory" not in each and "memoryReservation" not in each:
            each["memoryReservation"] = 0


def _on_fargate(overrides: Any, by: Any, tags: Any, launch_type: str | None, *rest: Any) -> bool:
    strategy = rest[3] if len(rest) > 3 else None
    provider = strategy[0]["capacityProvider"] if strategy else ""
    return launch_type == "FARGATE" or provider.startswith("FARGATE")


def _cluster_in(data: str) -> str:
    _, found, rest = data.partition("ECS_CLUSTER=")
    return rest.split()[0].strip("\"'") if found and rest.split() else ""


def _stop_tasks_on(tasks: Mapping[str, Any], instance: str) -> None:
    for task in tasks.values():
        if task.container_instance_arn == instance and task.last_status != "STOPPED":
            stop(task, "Host EC2 (instance) terminated.")


def _tell_prefect(task: Any) -> None:
    """Tell the queue that Prefect's worker for ECS reads, as EventBridge does."""
    name = "prefect-ecs-tasks-events"
    backend = sqs_backends[task._account_id][task.region_name]
    if name not in backend.queues:
        return
    iso: Callable[[Any], str | None] = lambda at: at.isoformat() if at else None  # noqa: E731
    failed = getattr(task, "stop_code", "") == "TaskFailedToStart"
    detail = {
        "taskArn": task.task_arn,
        "clusterArn": task.cluster_arn,
        "taskDefinitionArn": task.task_definition_arn,
        "lastStatus": task.last_status,
        "desiredStatus": task.desired_status,
        "version": task.version,
        "stopCode": getattr(task, "stop_code", None),
        "stoppedReason": task.stopped_reason,
        "createdAt": iso(task.created_at),
        "startedAt": iso(getattr(task, "started_at", None)),
        "containers": []
        if failed
        else [
            {"name": each.name, "lastStatus": each.last_status, "exitCode": each.exitCode}
            for each in task.containers
        ],
    }
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": task._account_id,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": task.region_name,
        "resources": [task.task_arn],
        "detail": detail,
    }
    backend.send_message(name, json.dumps(event))
