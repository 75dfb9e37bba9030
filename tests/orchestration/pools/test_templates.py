"""Pools of types that nothing here can run: what a real server and Prefect make of our workers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import prefect.server.api
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, WorkPool
from prefect.workers.base import BaseJobConfiguration
from pydantic import ConfigDict

from rios_flows.basics.naming import ADDRESS_VARIABLE
from rios_flows.orchestration.pools.launcher import PoolLauncher
from rios_flows.orchestration.pools.looking import usable
from rios_flows.rioserrors import ParameterError
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from rios_flows.workers.launchers.undertaker import Undertaker
from tests.orchestration.pools.conftest import MakePool
from tests.support.queues import order

pytestmark = pytest.mark.prefect

#: What the pools of each type need beside; what comes with Prefect knows all of them.
NEEDED: dict[str, dict[str, Any]] = {
    "docker": {"volumes": ["/data:/data"], "image_pull_policy": "Never"},
    "kubernetes": {"namespace": "rasters", "memory_limit": "4Gi"},
    "azure-container-instance": {"resource_group_name": "a", "subscription_id": "b"},
    "cloud-run": {},
    "cloud-run-v2": {"memory": "2Gi"},
    "vertex-ai": {"region": "europe-west1"},
    "ecs": {"cpu": 1024},
}

COMMAND = "python -m rios_flows.orchestration.pools"


class AnyConfiguration(BaseJobConfiguration):
    """What a Prefect worker has made of a template and of variables."""

    model_config = ConfigDict(extra="allow")


def templates() -> dict[str, dict[str, Any]]:
    """Return the templates that Prefect's server gives out, by the type of pool."""
    views = Path(prefect.server.api.__file__).parent / "collections_data" / "views"
    known = json.loads((views / "aggregate-worker-metadata.json").read_text())
    return {
        kind: told["default_base_job_configuration"]
        for package in known.values()
        for kind, told in package.items()
    }


@contextmanager
def started(pool: WorkPool, extra: dict[str, Any], run: FlowRun, folder: Path) -> Iterator[UUID]:
    """Have a flow run of a worker on a pool."""
    told = order(folder, "", extra=extra, environment={ADDRESS_VARIABLE: "node1,30000,hush"})
    undertaker = Undertaker()
    launcher = PoolLauncher(run.id, pool, told, undertaker)
    try:
        launcher.start([0])
        (job,) = launcher.jobs()
        yield UUID(job.id)
    finally:
        launcher.close()
        undertaker.close()


def configured(run: UUID, pool: WorkPool) -> dict[str, Any]:
    """Return the job that a Prefect worker of a pool would start for a flow run."""

    async def found() -> AnyConfiguration:
        async with get_client() as client:
            return await AnyConfiguration.resolve_for_flow_run(
                await client.read_flow_run(run), client=client, work_pool=pool, worker_name="any"
            )

    return asyncio.run(found()).model_dump()


@pytest.mark.parametrize("kind", NEEDED)
def test_workers_on_pools_of_all_types(
    kind: str, client: SyncPrefectClient, make_pool: MakePool, parent: FlowRun, tmp_path: Path
) -> None:
    image = "registry.example.org/rios-flows:0.1.0"
    pool = make_pool(kind, base_job_template=templates()[kind])
    variables = {"image": image, "env": {"GDAL_CACHEMAX": "512"}, **NEEDED[kind]}
    extra = {"workPool": pool.name, "jobVariables": variables}
    style = ConcurrencyStyle(0, 1, CW_SUBPROC, extra, haveSharedTemp=False)
    with pytest.raises(ParameterError, match="see no directory of this machine"):
        usable(client, ConcurrencyStyle(0, 1, CW_SUBPROC, extra))
    assert usable(client, style) == pool
    with started(pool, extra, parent, tmp_path / "run") as run:
        job = configured(run, pool)
    assert job["command"] == COMMAND
    assert job["env"]["GDAL_CACHEMAX"] == "512"
    # how the program knows its flow run, and its server
    assert job["env"]["PREFECT__FLOW_RUN_ID"] == str(run)
    assert job["env"]["PREFECT_API_URL"]
    told = json.dumps(job, default=str)
    assert image in told
    assert "hush" not in told
    if kind == "kubernetes":
        (container,) = job["job_manifest"]["spec"]["template"]["spec"]["containers"]
        assert container["args"] == COMMAND
