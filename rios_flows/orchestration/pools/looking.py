"""Looks at a work pool: whether it can have workers of a run, and what keeps those that wait."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from jsonschema.exceptions import SchemaError, ValidationError
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentCreate
from prefect.client.schemas.objects import FlowRun, WorkerStatus, WorkPool, WorkQueue
from prefect.exceptions import ObjectNotFound

from rios_flows.basics.errortext import text_of
from rios_flows.controls.concurrency import (
    CW_AWSBATCH,
    CW_ECS,
    CW_PBS,
    CW_SLURM,
    ConcurrencyStyle,
)
from rios_flows.controls.extraparams import JOB_VARIABLES, POOL
from rios_flows.rioserrors import JobMgrError, ParameterError

#: The type of pool that a kind of worker needs; any other kind takes any.
TYPES = {CW_ECS: "ecs", CW_AWSBATCH: "aws-batch", CW_PBS: "pbs", CW_SLURM: "slurm"}

#: Types whose workers run where files of this machine may be, by the Python of the script.
NEAR = ("process", "slurm", "pbs")

#: Types whose workers are in containers, which see no directory of this machine.
_CONTAINERS = (
    *("docker", "kubernetes", "ecs", "aws-batch", "cloud-run", "vertex", "azure"),
    *("modal", "coiled", "prefect"),
)

_PROBLEM = "computeWorkerExtraParams: "


def usable(
    client: SyncPrefectClient, style: ConcurrencyStyle, own: Sequence[FlowRun] = ()
) -> WorkPool:
    """Return the work pool of a style.

    Parameters
    ----------
    client : SyncPrefectClient
        Of the server.
    style : ConcurrencyStyle
        One with a work pool.
    own : sequence of FlowRun
        That of the run, and those around it: they keep their slots while it waits for workers.

    Raises
    ------
    ParameterError
        If there is none of that name, it is of another kind, or cannot take the job variables.
    JobMgrError
        If it starts no flow run now, or never so many.
    """
    extra = style.computeWorkerExtraParams or {}
    pool = _found(client, extra[POOL])
    _check_type(pool, style)
    _check_variables(pool, extra.get(JOB_VARIABLES) or {})
    queue = client.read_work_queue(pool.default_queue_id)
    _check_room(pool, queue, max(1, style.workers_at_first), own)
    for why, advice in _closed(client, pool, queue):
        raise JobMgrError(f"The work pool {pool.name!r} starts no worker: {why}; {advice}")
    return pool


def why_waiting(client: SyncPrefectClient, name: str) -> str:
    """Return why flow runs wait that no Prefect worker has taken.

    Raises ObjectNotFound if the pool is not there any more.
    """
    pool = client.read_work_pool(name)
    for why, _ in _closed(client, pool, client.read_work_queue(pool.default_queue_id)):
        return f"the work pool starts no worker: {why}"
    limit = pool.concurrency_limit
    if limit is not None and (pool.active_slots or 0) >= limit:
        return (
            f"waits for a free slot of the work pool, whose concurrency limit is {limit}; "
            f"{pool.active_slots} are taken"
        )
    return "waits for a Prefect worker of the work pool to take it"


def _check_room(pool: WorkPool, queue: WorkQueue, workers: int, own: Sequence[FlowRun]) -> None:
    """Refuse a pool that has no room for all workers at first, beside the run if that is there."""
    name = shlex.quote(pool.name)
    here = [run for run in own if run.work_pool_name == pool.name]
    limits = (
        (pool.concurrency_limit, here, "", f"work-pool set-concurrency-limit {name}"),
        (
            queue.concurrency_limit,
            [run for run in here if run.work_queue_name == queue.name],
            f" of its work queue {queue.name!r}",
            f"work-queue set-concurrency-limit {shlex.quote(queue.name)} --pool {name}",
        ),
    )
    for limit, runs, where, command in limits:
        needed = workers + len(runs)
        if limit is None or limit >= needed:
            continue
        beside, other = "", "ask for fewer workers"
        if runs:
            beside = f" beside this run, which has {len(runs)} of its slots itself"
            other = "have the workers on another pool"
        raise JobMgrError(
            f"The work pool {pool.name!r} has no room for {workers} workers at a time{beside}: the "
            f"concurrency limit{where} is {limit}. Raise that to {needed} or more (prefect "
            f"{command} {needed}), or {other}"
        )


def _closed(
    client: SyncPrefectClient, pool: WorkPool, queue: WorkQueue
) -> Iterator[tuple[str, str]]:
    """Tell why a pool starts nothing, and what to do."""
    name = shlex.quote(pool.name)
    if pool.is_paused:
        yield "it is paused", f"resume it (prefect work-pool resume {name})"
    if queue.is_paused:
        advice = f"resume it (prefect work-queue resume {queue.name} --pool {name})"
        yield f"its work queue {queue.name!r} is paused", advice
    if pool.is_push_pool or pool.is_managed_pool:
        return
    workers = client.read_workers_for_work_pool(pool.name)
    if not any(worker.status == WorkerStatus.ONLINE for worker in workers):
        command = f"prefect worker start --pool {name}"
        yield (
            "no Prefect worker of it is running",
            f"start one where workers are to run ({command})",
        )


def _found(client: SyncPrefectClient, name: str) -> WorkPool:
    try:
        return client.read_work_pool(name)
    except ObjectNotFound:
        names = sorted(pool.name for pool in client.read_work_pools())
    near = difflib.get_close_matches(name, names, 1, 0.6)
    hint = f"did you mean {near[0]!r}? " if near else ""
    there = f"it has {', '.join(names)}" if names else "it has none"
    raise ParameterError(
        f"{_PROBLEM}{POOL}={name!r}: the Prefect server has no such work pool: {hint}{there}. Make "
        "one with prefect work-pool create"
    )


def _check_type(pool: WorkPool, style: ConcurrencyStyle) -> None:
    kind, plain = style.computeWorkerKind, pool.type.partition(":")[0]
    wanted = TYPES.get(kind)
    if wanted is not None and plain != wanted:
        raise ParameterError(
            f"{_PROBLEM}{POOL}={pool.name!r} is of type {pool.type!r}, and {kind} needs one of "
            f"type {wanted!r}; CW_SUBPROC takes a pool of any type"
        )
    if wanted is None and style.haveSharedTemp and plain.startswith(_CONTAINERS):
        raise ParameterError(
            f"{_PROBLEM}{POOL}={pool.name!r} is of type {pool.type!r}, whose containers see no "
            "directory of this machine: set haveSharedTemp=False"
        )
    if not re.search(r"\{\{\s*command\s*\}\}", json.dumps(_part(pool, "job_configuration"))):
        raise ParameterError(
            f"{_PROBLEM}{POOL}={pool.name!r}: its base job template has no {{{{ command }}}}, by "
            "which workers are started: take it in as the command (prefect work-pool "
            f"get-default-base-job-template --type {pool.type} shows how)"
        )


def _check_variables(pool: WorkPool, given: Mapping[str, Any]) -> None:
    known = _part(pool, "variables").get("properties", {})
    for name in given:
        if name == "command":
            raise ParameterError(
                f"{_PROBLEM}{JOB_VARIABLES}: leave 'command' out: the run sets it; another Python "
                "is given as python"
            )
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1, 0.6)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ParameterError(
                f"{_PROBLEM}{JOB_VARIABLES}: the work pool {pool.name!r} has no {name!r}: {hint}"
                f"It has {', '.join(sorted(known))}"
            )
    try:
        # Prefect's own check of a deployment's
        values = DeploymentCreate(name="any", flow_id=uuid4(), job_variables=dict(given))
        values.check_valid_configuration(pool.base_job_template)
    except (ValidationError, SchemaError) as error:
        # not with the value, which may be secret
        where = ".".join(map(str, error.absolute_path)) or "their set"
        raise ParameterError(
            f"{_PROBLEM}{JOB_VARIABLES}: {where} does not fit the work pool {pool.name!r}, which "
            f"wants {error.validator}: {text_of_schema(error.validator_value)}"
        ) from None
    except ValueError as error:
        raise ParameterError(f"{_PROBLEM}{JOB_VARIABLES}: {text_of(error)}") from error


def text_of_schema(value: object) -> str:
    """Return a part of a schema for a message, not too long."""
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]} ..."


def _part(pool: WorkPool, name: str) -> dict[str, Any]:
    part = pool.base_job_template.get(name)
    return part if isinstance(part, dict) else {}
