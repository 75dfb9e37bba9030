"""Write the base job templates of work pools: Prefect's own, with what rios_flows needs filled in.

python deployments/build_pools.py
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "pools"

#: In place of your own: the number of the account, its region, and where the image is.
ACCOUNT, REGION = "123456789012", "us-east-1"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/rios-flows:0.1.0"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/rios-flows"

#: Of each process: numpy's threads would fight with the lanes of a run.
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}

#: What variables are, unless a deployment or a run says otherwise.
DEFAULTS: dict[str, dict[str, Any]] = {
    "process": {"env": ENVIRONMENT},
    "ecs": {
        "env": ENVIRONMENT,
        "image": IMAGE,
        "cluster": "rios-flows",
        "family": "rios-flows",
        "cpu": 2048,
        "memory": 8192,
        "execution_role_arn": f"{ROLE}-execution",
        "task_role_arn": f"{ROLE}-task",
        "configure_cloudwatch_logs": True,
        "cloudwatch_logs_options": {
            "awslogs-group": "/rios-flows/workers",
            "awslogs-region": REGION,
        },
        "cloudwatch_logs_prefix": "flow",
    },
    "kubernetes": {
        "env": ENVIRONMENT,
        "image": IMAGE,
        "image_pull_policy": "IfNotPresent",
        "namespace": "rios-flows",
        "finished_job_ttl": 3600,
        "cpu_request": "2",
        "memory_request": "8Gi",
        "memory_limit": "8Gi",
    },
    "docker": {
        "env": ENVIRONMENT,
        "image": IMAGE,
        "image_pull_policy": "IfNotPresent",
        "auto_remove": True,
        "mem_limit": "8g",
    },
    # a job has room for a flow run with some lanes; its walltime is in minutes, memory in MiB
    "slurm": {"env": ENVIRONMENT, "cpus": 4, "memory": 8192, "walltime": 720},
    "pbs": {"env": ENVIRONMENT, "cpus": 4, "memory": 8192, "walltime": 720},
    "aws-batch": {
        "env": ENVIRONMENT,
        # of the stack in `batch`, and the definition beside it
        "job_queue": "RIOS-rios-flows",
        "job_definition": "rios-flows-worker",
        "cpus": 2,
        "memory": 8192,
    },
}


def template(kind: str) -> dict[str, Any]:
    """Return the base job template of a type of work pool."""
    made: dict[str, Any] = copy.deepcopy(_ORIGINS[kind]())
    properties = made["variables"]["properties"]
    for name, value in DEFAULTS[kind].items():
        properties[name]["default"] = value
    if kind == "kubernetes":
        # the image's user has this number
        pod = made["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
        pod["securityContext"] = {"runAsNonRoot": True, "runAsUser": 1000}
    return made


def render(kind: str) -> str:
    """Return what its file holds."""
    return json.dumps(template(kind), indent=2) + "\n"


def _process() -> dict[str, Any]:
    from prefect.workers.process import ProcessWorker

    return ProcessWorker.get_default_base_job_template()


def _ecs() -> dict[str, Any]:
    from prefect_aws.workers.ecs_worker import ECSWorker

    return ECSWorker.get_default_base_job_template()


def _slurm() -> dict[str, Any]:
    from rios_flows.orchestration.queueworkers.worker import SlurmWorker

    return SlurmWorker.get_default_base_job_template()


def _pbs() -> dict[str, Any]:
    from rios_flows.orchestration.queueworkers.worker import PbsWorker

    return PbsWorker.get_default_base_job_template()


def _batch() -> dict[str, Any]:
    from rios_flows.orchestration.queueworkers.worker import AwsBatchWorker

    return AwsBatchWorker.get_default_base_job_template()


def _told(package: str, kind: str) -> Callable[[], dict[str, Any]]:
    """Return what gives the template of a worker that need not be installed here."""

    def read() -> dict[str, Any]:
        from prefect.server.api import collections_data

        (folder,) = collections_data.__path__
        path = Path(folder, "views", "aggregate-worker-metadata.json")
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))[package][kind]
        return dict(found["default_base_job_configuration"])

    return read


_ORIGINS: dict[str, Callable[[], dict[str, Any]]] = {
    "process": _process,
    "ecs": _ecs,
    "kubernetes": _told("prefect-kubernetes", "kubernetes"),
    "docker": _told("prefect-docker", "docker"),
    "slurm": _slurm,
    "pbs": _pbs,
    "aws-batch": _batch,
}


if __name__ == "__main__":
    for kind in DEFAULTS:
        (FOLDER / f"{kind}.json").write_text(render(kind))
