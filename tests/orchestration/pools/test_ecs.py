"""Prefect's own ECS worker, on a pretended AWS whose tasks really run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_aws.workers.ecs_worker import ECSWorker

from rios_flows import applier
from rios_flows.orchestration.flow import apply_flow
from rios_flows.structures import CW_ECS, ConcurrencyStyle
from tests.orchestration.pools.bodies import secrets_left, workers_of
from tests.orchestration.served import ROOT, Api, Server, eventually, running_worker
from tests.support.aws import IMAGE, Aws
from tests.support.jobs import SmallJob
from tests.support.queue_runs import check, meanwhile, nothing_counted, slow, wait_for_workers

pytestmark = [pytest.mark.prefect, pytest.mark.slow]

POOL, QUEUE = "rios-ecs", "prefect-ecs-tasks-events"

#: What tasks need in this lab; a container has it in its image.
VARIABLES: dict[str, Any] = {
    "image": IMAGE,
    "cluster": Aws.cluster,
    "launch_type": "FARGATE",
    "env": {"PYTHONPATH": str(ROOT)},
}
EXTRA = {"workPool": POOL, "jobVariables": VARIABLES, "interface": "127.0.0.1"}


@pytest.fixture(scope="module")
def ecs_worker(
    server: Server, aws_cloud: Aws, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Run a Prefect worker that starts tasks of ECS."""
    # where AWS tells what becomes of tasks
    aws_cloud.client("sqs").create_queue(QueueName=QUEUE)
    template = ECSWorker.get_default_base_job_template()
    with (
        temporary_settings({PREFECT_API_URL: server.url}),
        get_client({"timeout": 30.0}, sync_client=True) as client,
    ):
        pool = WorkPoolCreate(name=POOL, type="ecs", base_job_template=template)
        client.create_work_pool(pool, overwrite=True)
    environment = {
        **server.environment(),
        **aws_cloud.environment,
        "PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_NAME": QUEUE,
        "PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_REGION": "us-east-1",
    }
    options = ("--type", "ecs", "--install-policy", "never")
    with running_worker(POOL, environment, tmp_path_factory.mktemp("ecs"), *options):
        yield


def job_on(folder: Path, name: str) -> SmallJob:
    (folder / "temp").mkdir()
    style = ConcurrencyStyle(0, 1, CW_ECS, EXTRA, computeBufferPopTimeout=60)
    job = SmallJob(folder, style)
    job.controls.setTempdir(str(folder / "temp"))
    job.controls.setJobName(name)
    return job


def online(client: SyncPrefectClient) -> None:
    eventually(lambda: client.read_workers_for_work_pool(POOL))


@pytest.mark.usefixtures("ecs_worker")
def test_a_task_that_is_stopped_is_replaced(
    api: Api, client: SyncPrefectClient, aws: Aws, tmp_path: Path
) -> None:
    online(client)
    job = job_on(tmp_path, "ecs-loss")

    def stop_it() -> None:
        ((worker, _),) = wait_for_workers(tmp_path, 1)
        (task,) = aws.tasks()
        reason = "Spot interruption: your Spot Task was interrupted."
        aws.client("ecs").stop_task(cluster=aws.cluster, task=task["taskArn"], reason=reason)
        eventually(lambda: not psutil.pid_exists(worker), 30)

    with meanwhile(tmp_path, stop_it):
        rtn = applier.apply(
            slow, job.infiles, job.outfiles, nothing_counted(tmp_path), job.controls
        )
    check(job, rtn)
    run = api.flow_run("ecs-loss")
    assert "Starting another" in api.log_line(run.id, "^Lost at block row").message
    lost, other = workers_of(api, "ecs-loss")
    assert [each.state_name for each in (lost, other)] == ["Crashed", "Completed"]
    # one task definition for all
    definitions = aws.client("ecs").list_task_definitions()["taskDefinitionArns"]
    assert len([each for each in definitions if f"prefect_{POOL}" in each]) == 1
    eventually(lambda: not aws.tasks(), 15)
    assert not secrets_left(client)


@pytest.mark.usefixtures("ecs_worker")
def test_a_whole_run_whose_workers_are_tasks_too(
    api: Api, client: SyncPrefectClient, aws: Aws, tmp_path: Path
) -> None:
    online(client)
    job = SmallJob(tmp_path)
    client.create_deployment(
        client.create_flow(apply_flow),
        "in-ecs",
        work_pool_name=POOL,
        entrypoint="rios_flows.orchestration.flow.apply_flow",
        job_variables=VARIABLES,
        pull_steps=[],
    )
    concurrency = {
        "computeWorkerKind": CW_ECS,
        "numComputeWorkers": 1,
        "computeWorkerExtraParams": EXTRA,
    }
    parameters = {
        "function": "tests.support.jobs:double",
        "infiles": {"image": str(job.infiles.image)},
        "outfiles": {"result": str(job.outfiles.result)},
        "controls": {"jobName": "in-ecs", "concurrency": concurrency},
    }
    run = api.start("rios-apply/in-ecs", parameters)

    def has_ended() -> FlowRun | None:
        now = client.read_flow_run(run.id)
        return now if now.state is not None and now.state.is_final() else None

    ended = eventually(has_ended, 240)
    assert ended.state_name == "Completed", ended.state
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    (worker,) = workers_of(api, "in-ecs")
    assert api.parent(worker).flow_run_id == run.id
    eventually(lambda: not aws.tasks(), 15)
