"""What a user says of workers in AWS: ``computeWorkerExtraParams`` in boto3's words, as in RIOS."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rios_flows.controls.concurrency import CW_AWSBATCH, CW_ECS
from rios_flows.rioserrors import ParameterError

#: Where both kinds have their workers, and the name under which the run's address may be kept.
REGION, PARAMETER = "region", "addressParameter"

#: What RunTask and SubmitJob take of overrides, at most (characters of JSON).
LONGEST_OVERRIDES = 8192

#: How long instances may take to join their cluster, unless it is said (s).
_WAIT_FOR_INSTANCES = 300.0

_REQUESTS = ("create_cluster", "run_instances", "register_task_definition", "run_task")
_WAIT = "waitClusterInstanceCountTimeout"

#: Keys of each kind, with the type of their values.
_KEYS: dict[str, dict[str, type | tuple[type, ...]]] = {
    CW_ECS: {
        **dict.fromkeys(_REQUESTS, dict),
        _WAIT: (int, float),
        REGION: str,
        PARAMETER: str,
    },
    CW_AWSBATCH: {
        "jobQueue": str,
        "jobDefinition": str,
        "stack": str,
        "submit_job": dict,
        REGION: str,
        PARAMETER: str,
    },
}

#: What the run says itself in a request, and what to do about it.
_OWN = {
    "run_task": {
        "count": "numComputeWorkers says how many there are",
        "startedBy": "the run finds its tasks by it",
        "clientToken": "each worker is a task of its own",
    },
    "submit_job": {
        "jobName": "the run finds its jobs by it; set the job name of the controls",
        "arrayProperties": "numComputeWorkers says how many there are",
        "retryStrategy": "the run replaces lost workers itself",
        "dependsOn": "the run would wait for other jobs",
    },
}

#: RIOS's variables for the stack and its region, and its default.
_STACK, _STACK_REGION, _DEFAULT_STACK = "RIOS_AWSBATCH_STACK", "RIOS_AWSBATCH_REGION", "RIOS"


@dataclass(frozen=True, slots=True)
class EcsExtra:
    """What a user says of tasks.

    Attributes
    ----------
    create_cluster, run_instances, register_task_definition, run_task : dict
        What boto3's functions of these names get; empty for what is not to be done.
    wait : float
        How long instances may take to join the cluster (s).
    region : str
        Empty for the one that is configured.
    parameter : str
        Under which name of Systems Manager the address is to be kept; empty for none.
    """

    run_task: Mapping[str, Any]
    create_cluster: Mapping[str, Any] = field(default_factory=dict)
    run_instances: Mapping[str, Any] = field(default_factory=dict)
    register_task_definition: Mapping[str, Any] = field(default_factory=dict)
    wait: float = _WAIT_FOR_INSTANCES
    region: str = ""
    parameter: str = ""

    @classmethod
    def of(cls, extra: Mapping[str, Any]) -> EcsExtra:
        """Read the extra parameters.

        Raises
        ------
        ParameterError
            If one makes no sense, or one is missing: with what to do.
        """
        _check(CW_ECS, extra)
        requests = {name: dict(extra.get(name) or {}) for name in _REQUESTS}
        run = requests["run_task"]
        if not run:
            raise ParameterError(
                "computeWorkerExtraParams: CW_ECS needs run_task, with what boto3's run_task takes "
                "(cluster, taskDefinition, launchType, networkConfiguration); "
                "ECSComputeWorkerMgr.makeExtraParams_Fargate makes all of it"
            )
        if not requests["register_task_definition"] and not run.get("taskDefinition"):
            raise ParameterError(
                "computeWorkerExtraParams: run_task needs a taskDefinition, or give "
                "register_task_definition"
            )
        return cls(
            **requests,
            wait=float(extra.get(_WAIT) or _WAIT_FOR_INSTANCES),
            region=extra.get(REGION) or "",
            parameter=extra.get(PARAMETER) or "",
        )


@dataclass(frozen=True, slots=True)
class BatchExtra:
    """What a user says of jobs.

    Attributes
    ----------
    queue, definition : str
        Names or ARNs; empty where the outputs of the stack have them.
    stack : str
        The name of a stack of CloudFormation; empty if both are given.
    submit_job : dict
        What else boto3's ``submit_job`` gets.
    region, parameter : str
        As of :class:`EcsExtra`.
    """

    queue: str
    definition: str
    stack: str
    submit_job: Mapping[str, Any]
    region: str = ""
    parameter: str = ""

    @classmethod
    def of(cls, extra: Mapping[str, Any]) -> BatchExtra:
        """Read the extra parameters; what is missing is in a stack, named by RIOS's variables.

        Raises
        ------
        ParameterError
            If one makes no sense: with what to do.
        """
        _check(CW_AWSBATCH, extra)
        submit = dict(extra.get("submit_job") or {})
        queue = extra.get("jobQueue") or submit.pop("jobQueue", "")
        definition = extra.get("jobDefinition") or submit.pop("jobDefinition", "")
        stack, region = extra.get("stack") or "", extra.get(REGION) or ""
        if not (queue and definition):
            stack = stack or os.environ.get(_STACK) or _DEFAULT_STACK
            region = region or os.environ.get(_STACK_REGION) or ""
        return cls(queue, definition, stack, submit, region, extra.get(PARAMETER) or "")


def overridden(
    own: Mapping[str, Any] | None, command: Sequence[str], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return a container's overrides with a worker's command line and variables.

    A command of the user's takes the place of what starts the worker's program (its first words,
    before the first option), for containers that have no ``python``.
    """
    told = dict(own or {})
    options = next(n for n, word in enumerate(command) if word.startswith("--"))
    begin = told.get("command") or command[:options]
    told["command"] = [*begin, *command[options:]]
    pairs = {pair["name"]: pair["value"] for pair in told.get("environment") or ()}
    pairs |= environment
    told["environment"] = [{"name": name, "value": value} for name, value in pairs.items()]
    return told


def with_log_region(definition: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a task definition whose logs in CloudWatch have a region, which ECS must be told."""
    containers = []
    for container in definition.get("containerDefinitions") or ():
        logs = container.get("logConfiguration") or {}
        if logs.get("logDriver") == "awslogs":
            options = {"awslogs-region": region, **(logs.get("options") or {})}
            container = {**container, "logConfiguration": {**logs, "options": options}}
        containers.append(container)
    return {**definition, "containerDefinitions": containers}


def check_length(overrides: Mapping[str, Any]) -> None:
    """Refuse more than AWS takes, before it is asked."""
    length = len(json.dumps(overrides))
    if length > LONGEST_OVERRIDES:
        raise ParameterError(
            f"computeWorkerExtraParams: the overrides of a worker have {length} characters, and "
            f"AWS takes {LONGEST_OVERRIDES}: put variables into the task or job definition instead"
        )


def _check(kind: str, extra: Mapping[str, Any]) -> None:
    known = _KEYS[kind]
    for key, value in extra.items():
        if key not in known:
            _refuse(kind, key, known)
        wanted = known[key]
        if value is not None and (not isinstance(value, wanted) or isinstance(value, bool)):
            names: dict[Any, str] = {dict: "a dict", str: "a string"}
            what = names[wanted] if isinstance(wanted, type) else "a number of seconds"
            raise ParameterError(f"computeWorkerExtraParams: {key}={value!r} must be {what}")
    for request, own in _OWN.items():
        for key in extra.get(request) or {}:
            if key in own:
                raise ParameterError(
                    f"computeWorkerExtraParams: leave {key!r} out of {request}: {own[key]}"
                )


def _refuse(kind: str, key: str, known: Collection[str]) -> None:
    near = difflib.get_close_matches(str(key), known, 1, 0.6)
    hint = f"did you mean {near[0]!r}? " if near else ""
    others = [other for other, keys in _KEYS.items() if key in keys]
    if others:
        hint = f"that is for {others[0]}. "
    raise ParameterError(
        f"computeWorkerExtraParams: {kind} takes no {key!r}: {hint}It takes {', '.join(known)}"
    )
