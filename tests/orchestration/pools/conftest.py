"""Work pools for tests; those without a worker of Prefect start nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun, WorkPool
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from tests.orchestration.served import Api

#: Makes a work pool; with ``online=True`` the server believes that a worker of it is running.
MakePool = Callable[..., WorkPool]

_numbers = itertools.count()


@pytest.fixture
def client(api: Api) -> Iterator[SyncPrefectClient]:
    with get_client({"timeout": 30.0}, sync_client=True) as client:
        yield client


@pytest.fixture
def make_pool(client: SyncPrefectClient) -> Iterator[MakePool]:
    made = []

    def make(kind: str = "process", online: bool = True, **more: Any) -> WorkPool:
        name = f"compute-{next(_numbers)}"
        template = ProcessWorker.get_default_base_job_template()
        values = {"base_job_template": template, **more}
        client.create_work_pool(WorkPoolCreate(name=name, type=kind, **values))
        made.append(name)
        if online:
            client.send_worker_heartbeat(name, "pretended", 600)
        return client.read_work_pool(name)

    yield make
    for name in made:
        with suppress(ObjectNotFound):
            client.delete_work_pool(name)


@pytest.fixture
def parent(client: SyncPrefectClient) -> FlowRun:
    """Return a flow run that stands for that of a run."""

    @flow(name="stands-for-a-run")
    def nothing() -> None: ...

    return client.create_flow_run(nothing, name=f"parent-{next(_numbers)}")
