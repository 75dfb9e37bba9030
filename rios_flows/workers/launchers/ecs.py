"""Workers as tasks of AWS ECS, on Fargate or on instances."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from rios_flows.controls.concurrency import CW_ECS
from rios_flows.rioserrors import ECSError, JobMgrError, ParameterError
from rios_flows.workers.launchers.aws import AwsLauncher, SeenJob, end_of
from rios_flows.workers.launchers.awsadvice import not_started
from rios_flows.workers.launchers.awsclient import BRIEF, asking, check_request, client, is_hiccup
from rios_flows.workers.launchers.awsextra import (
    EcsExtra,
    check_length,
    overridden,
    with_log_region,
)
from rios_flows.workers.launchers.cloudwatch import Stream
from rios_flows.workers.launchers.ecscluster import OwnCluster
from rios_flows.workers.launchers.launcher import (
    Order,
    State,
    WorkerJob,
    state_of_unknown_word,
)
from rios_flows.workers.launchers.remains import (
    RUN_TAG,
    Remains,
    container_instances,
)
from rios_flows.workers.launchers.script import job_name
from rios_flows.workers.launchers.undertaker import Undertaker

logger = logging.getLogger(__name__)

#: ECS's states of tasks; in the last ones the containers have ended.
_STATES: dict[str, State] = {
    **dict.fromkeys(("PROVISIONING", "PENDING", "ACTIVATING"), "pending"),
    **dict.fromkeys(("RUNNING", "DEACTIVATING", "STOPPING"), "running"),
    **dict.fromkeys(("DEPROVISIONING", "STOPPED", "DELETED"), "ended"),
}

#: So many tasks are described at once, at most.
_AT_ONCE = 100

#: What AWS takes of an expression that says where a task may be (characters).
_LONGEST_EXPRESSION = 2000

#: Of a task that was never started: another one would not be, either.
_HOPELESS = (
    "CannotPull",
    "CannotCreateContainer",
    "CannotStartContainer",
    "CannotInspectContainer",
    "ResourceInitializationError",
)

#: What AWS's reasons mean for which it takes no task.
_NO_ROOM = {
    "RESOURCE": "no instance of the cluster has so much left: ask for fewer workers, for smaller "
    "ones, or give the cluster more instances",
    "AGENT": "an instance of the cluster is not connected: see its ECS agent",
    "ATTRIBUTE": "no instance of the cluster has what the task definition requires",
}


class EcsLauncher(AwsLauncher):
    """Starts, watches and stops tasks of ECS; it is a :class:`Launcher`."""

    kind: ClassVar[str] = CW_ECS
    queue: ClassVar[str] = "ECS"

    def __init__(self, order: Order, undertaker: Undertaker) -> None:
        self.extra = EcsExtra.of(order.extra)
        super().__init__(order, undertaker, self.extra.region, self.extra.parameter)
        self._ecs = client("ecs", self.region)
        self._often = client("ecs", self.region, BRIEF)
        self._cluster = str(self.extra.run_task.get("cluster") or "default")
        self._own: OwnCluster | None = None
        self._definition = ""
        self._container: dict[str, Any] = {}
        #: numbers of workers that wait for instances of this run, and until when they may
        self._waiting: list[int] = []
        self._instances: list[str] = []
        self._joining = False
        self._deadline = 0.0

    def start(self, numbers: Sequence[int]) -> None:
        """Start a task for each worker, as soon as the run's own instances are there."""
        if not self._definition:
            self._prepare()
        if self._joining:
            self._waiting += numbers
            for number in numbers:
                self.noted(number, "none yet", job_name(self.order.name, number), "no instance yet")
            return
        for number in numbers:
            self._run(number)

    def jobs(self) -> list[WorkerJob]:
        """Return all jobs that were started, as ECS sees them now."""
        if self._waiting:
            try:
                self._wait_for_instances()
            except BaseException as error:
                if self._may_pass(error):
                    self._stop_some()
                    return list(self._jobs.values())
                # told once; what is left of them is nothing to be stopped
                for number in self._waiting:
                    self._note(self._jobs[number], _NOT_STARTED)
                self._waiting = []
                raise
        if self._own is not None:
            self._own.renew()
        return super().jobs()

    def look(self, jobs: Sequence[WorkerJob]) -> Mapping[int, SeenJob]:
        """Ask ECS for tasks."""
        numbers = {job.id: job.number for job in jobs if job.number not in self._waiting}
        seen = {number: SeenJob("pending", self._reason()) for number in self._waiting}
        ids = list(numbers)
        for first in range(0, len(ids), _AT_ONCE):
            told = self._often.describe_tasks(
                cluster=self._cluster, tasks=ids[first : first + _AT_ONCE]
            )
            for task in told["tasks"]:
                number = numbers.get(_id_of(task["taskArn"]))
                if number is not None:
                    seen[number] = self._seen(task)
        return seen

    def stop_one(self, job: WorkerJob) -> None:
        """Have ECS stop a task; one that waits for instances is not started any more."""
        if job.number in self._waiting:
            self._waiting.remove(job.number)
            self._note(job, _NOT_STARTED)
            return
        self._often.stop_task(
            cluster=self._cluster, task=job.id, reason="rios_flows: the run needs it no more"
        )

    def _run(self, number: int) -> None:
        run = self._request(number)
        if own_instances := _only_on(self._instances):
            run["placementConstraints"] = [*run.get("placementConstraints", ()), own_instances]
        with asking("ECS", _NOT_TAKEN, "see run_task of computeWorkerExtraParams"):
            before, self.unsure = self.unsure, True
            # a request that comes again, since its answer was lost, starts no other task
            token = f"{self.token}-{number}"
            answer = self._ecs.run_task(**run, count=1, startedBy=self.token, clientToken=token)
            self.unsure = before
        if not answer["tasks"]:
            raise ECSError(f"{_NOT_TAKEN}: {'; '.join(_failures(answer)) or 'no reason is told'}")
        self.noted(number, _id_of(answer["tasks"][0]["taskArn"]), job_name(self.order.name, number))

    def _request(self, number: int) -> dict[str, Any]:
        """Return what RunTask gets for a worker; raises ParameterError for more than it takes."""
        run = dict(self.extra.run_task)
        told = dict(run.get("overrides") or {})
        others = list(told.get("containerOverrides") or ())
        container = self._container["name"]
        own = next((each for each in others if each.get("name") == container), {"name": container})
        command = ("python", *self.order.command[1:], "--number", str(number))
        mine = overridden(own, command, self.variables())
        told["containerOverrides"] = [*(each for each in others if each is not own), mine]
        check_length(told)
        return run | {
            "cluster": self._cluster,
            "taskDefinition": self._definition,
            "overrides": told,
        }

    def _prepare(self) -> None:
        """Make what is asked for, and find the container that is to be the worker."""
        extra = self.extra
        self._check_requests()
        made = dict(extra.create_cluster)
        if made:
            self._cluster = str(
                made.setdefault("clusterName", extra.run_task.get("cluster") or self.token)
            )
            self._own = OwnCluster(self._ecs, self._often, made, self.token)
        is_ours = self._own is not None and self._own.is_ours
        definition = dict(extra.register_task_definition)
        if definition:
            definition = with_log_region(definition, self._ecs.meta.region_name)
            # a family of this run alone, so that nothing else goes with it
            definition["family"] = f"{definition.get('family') or 'rios_flows'}-{self.token}"
        self.is_due(
            Remains(
                cluster=self._cluster,
                started_by=self.token,
                made_cluster=is_ours,
                made_instances=bool(extra.run_instances),
                family=definition.get("family", ""),
            )
        )
        self.keep_secrets()
        if self._own is not None and is_ours:
            self._own.make_or_share()
        self._choose_container(self._registered(definition))
        # what is refused is to be so before there are instances, which cost money
        self._request(0)
        if extra.run_instances:
            self._start_instances(dict(extra.run_instances))

    def _check_requests(self) -> None:
        """Refuse what AWS would not understand, before anything is made."""
        extra, own = self.extra, {"taskDefinition": "its own"}
        check_request(self._ecs, "run_task", {**own, **extra.run_task})
        check_request(self._ecs, "create_cluster", extra.create_cluster)
        if extra.register_task_definition:
            definition = {"family": "its own", **extra.register_task_definition}
            check_request(self._ecs, "register_task_definition", definition)
        if extra.run_instances:
            check_request(client("ec2", self.region), "run_instances", extra.run_instances)

    def _start_instances(self, request: dict[str, Any]) -> None:
        tags = [{"Key": RUN_TAG, "Value": self.token}]
        given = [dict(each) for each in request.get("TagSpecifications") or ()]
        mine = next((each for each in given if each.get("ResourceType") == "instance"), None)
        if mine is None:
            given.append({"ResourceType": "instance", "Tags": tags})
        else:
            mine["Tags"] = [*mine.get("Tags", ()), *tags]
        request["TagSpecifications"] = given
        advice = "see run_instances of computeWorkerExtraParams"
        with asking("ECS", "EC2 starts no instances", advice):
            told = client("ec2", self.region).run_instances(**request)
        self._instances = [each["InstanceId"] for each in told["Instances"]]
        self._joining, self._deadline = True, time.monotonic() + self.extra.wait

    def _registered(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        with asking("ECS", "The task definition cannot be used", "see computeWorkerExtraParams"):
            if definition:
                answer = self._ecs.register_task_definition(**definition)
            else:
                name = self.extra.run_task["taskDefinition"]
                answer = self._ecs.describe_task_definition(taskDefinition=name)
        told: Mapping[str, Any] = answer["taskDefinition"]
        return told

    def _choose_container(self, definition: Mapping[str, Any]) -> None:
        """Take the container that the overrides name, or else the first."""
        known = {each["name"]: each for each in definition["containerDefinitions"]}
        overrides = (self.extra.run_task.get("overrides") or {}).get("containerOverrides") or ()
        named = [each.get("name") for each in overrides]
        for name in named:
            if name not in known:
                raise ParameterError(
                    f"computeWorkerExtraParams: run_task overrides a container {name!r}, and the "
                    f"task definition has {', '.join(known)}"
                )
        self._container = known[named[0]] if named else next(iter(known.values()))
        self._definition = str(definition["taskDefinitionArn"])

    def _wait_for_instances(self) -> None:
        """Start the tasks that wait, once all instances have joined the cluster."""
        with asking("ECS", "The instances of the cluster cannot be looked for"):
            joined = self._joined()
        if joined >= len(self._instances):
            logger.info("All %d instances are in the cluster %s", joined, self._cluster)
            while self._waiting:
                self._run(self._waiting[0])
                del self._waiting[0]
            self._joining = False
        elif time.monotonic() > self._deadline:
            raise ECSError(
                f"{joined} of {len(self._instances)} instances joined the cluster {self._cluster} "
                f"within waitClusterInstanceCountTimeout={self.extra.wait:g} s: "
                f"{'; '.join(self._states())}. See whether UserData names the cluster, whether the "
                "instance profile allows ECS, and whether the subnet reaches it"
            )
        self._joined_last = joined

    def _may_pass(self, error: BaseException) -> bool:
        """Return whether AWS only does not answer now, and there is time to ask again."""
        if not isinstance(error, JobMgrError) or not is_hiccup(error):
            return False
        self._not_heard(error)
        return time.monotonic() < self._deadline

    _joined_last = 0

    def _reason(self) -> str:
        return f"{self._joined_last} of {len(self._instances)} instances are in the cluster"

    def _joined(self) -> int:
        told = container_instances(self._often, self._cluster)
        return len({each.get("ec2InstanceId") for each in told} & set(self._instances))

    def _states(self) -> Iterator[str]:
        with asking("ECS", "The instances cannot be looked at"):
            told = client("ec2", self.region).describe_instances(InstanceIds=self._instances)
        for reservation in told["Reservations"]:
            for each in reservation["Instances"]:
                why = (each.get("StateReason") or {}).get("Message", "")
                state = each["State"]["Name"]
                yield f"{each['InstanceId']} is {state}{': ' + why if why else ''}"

    def _seen(self, task: Mapping[str, Any]) -> SeenJob:
        """Say of a task what is known."""
        status = task["lastStatus"]
        state = _STATES.get(status) or state_of_unknown_word(self.queue, status)
        if state != "ended":
            return SeenJob(state, "" if status == "RUNNING" else status, _host(task))
        logging_ = self._container.get("logConfiguration") or {}
        options = logging_.get("options") or {}
        group = options.get("awslogs-group", "")
        prefix = options.get("awslogs-stream-prefix", "")
        stream = f"{prefix}/{self._container['name']}/{_id_of(task['taskArn'])}" if prefix else ""
        return SeenJob(
            "ended", self._end(task), _host(task), Stream(group, stream if group else "")
        )

    def _end(self, task: Mapping[str, Any]) -> str:
        name = self._container["name"]
        containers = task.get("containers") or ()
        mine: Mapping[str, Any] = next(
            (each for each in containers if each.get("name") == name), {}
        )
        code, stop_code = mine.get("exitCode"), task.get("stopCode", "")
        why = task.get("stoppedReason", "")
        words = (mine.get("reason", ""), why, stop_code)
        if stop_code == "EssentialContainerExited":
            return end_of(code, words)
        said = end_of(None, words)
        if why.startswith(_HOPELESS):
            return not_started(said)
        return f"{said}; exit code {code}" if code is not None else said


_NOT_STARTED = SeenJob("ended", "not started")

_NOT_TAKEN = "ECS does not take the task of a worker"


def _only_on(instances: Sequence[str]) -> Mapping[str, str] | None:
    """Return what keeps tasks off the instances of others, which may go at any time."""
    expression = f"ec2InstanceId in [{', '.join(map(repr, instances))}]"
    if not instances or len(expression) > _LONGEST_EXPRESSION:
        return None
    return {"type": "memberOf", "expression": expression}


def _failures(answer: Mapping[str, Any]) -> Iterator[str]:
    for failure in answer["failures"]:
        reason = str(failure.get("reason", ""))
        detail = failure.get("detail", "")
        advice = _NO_ROOM.get(reason.partition(":")[0], "see run_task of computeWorkerExtraParams")
        yield " ".join(each for each in (reason, f"({detail})" if detail else "") if each) + (
            f"; {advice}"
        )


def _host(task: Mapping[str, Any]) -> str:
    """Return the address of a task, where it has one of its own."""
    for attachment in task.get("attachments") or ():
        for detail in attachment.get("details") or ():
            if detail.get("name") == "privateIPv4Address":
                return str(detail["value"])
    return ""


def _id_of(arn: str) -> str:
    return arn.rpartition("/")[2]
