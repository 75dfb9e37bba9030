"""apply() wherever it may be called: in a flow, in a task, in an event loop, in itself."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task
from prefect.settings import PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW, temporary_settings

from rios_flows import applier
from rios_flows.orchestration import embedded_server
from rios_flows.runs.run import lane_names
from tests.orchestration.jobs import BLOCKS, Job, double
from tests.orchestration.served import Api
from tests.support.styles import STYLES

pytestmark = pytest.mark.prefect


def apply(job: Job) -> None:
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)


def test_in_a_flow_it_is_a_subflow(api: Api, folder: Path) -> None:
    job = Job(folder, "subflow", STYLES["threads 1-1"])

    @flow(flow_run_name="the user's flow")
    def users_flow() -> str:
        apply(job)
        return "done"

    assert users_flow() == "done"
    assert job.is_done()
    run = api.flow_run("subflow")
    assert api.parent(run).flow_run_id == api.flow_run("the user's flow").id
    assert len(api.task_runs(run.id, 3)) == 3


def test_in_a_task(api: Api, folder: Path) -> None:
    job = Job(folder, "in a task", STYLES["threads 1-1"])

    @task
    def users_task() -> None:
        apply(job)

    @flow(flow_run_name="flow with a task")
    def users_flow() -> None:
        users_task.submit().result()

    users_flow()
    assert job.is_done()
    run = api.flow_run("in a task")
    assert api.parent(run).flow_run_id == api.flow_run("flow with a task").id
    assert set(api.task_runs(run.id, 3)) == {"read-0", "compute-0", "write"}
    assert api.log_line(run.id, "^Lane write ends: 12 writes").task_run_id is not None


def test_in_a_task_without_a_flow(api: Api, folder: Path) -> None:
    job = Job(folder, "lone task")
    # Prefect logs the end of a task outside the task's own context, and finds no flow then
    with temporary_settings({PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore"}):
        task(apply)(job)
    assert job.is_done()
    assert set(api.task_runs(api.flow_run("lone task").id, 1)) == {"apply"}


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_in_an_event_loop_that_runs(api: Api, folder: Path, style: str) -> None:
    job = Job(folder, f"loop {style}", STYLES[style])

    async def cell() -> None:
        apply(job)

    asyncio.run(cell())
    assert job.is_done()
    assert len(api.task_runs(api.flow_run(f"loop {style}").id, len(lane_names(STYLES[style])))) > 0


# Prefect 3.8 leaves the connection open by which an async flow asks for its result storage
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_in_an_async_flow(api: Api, folder: Path) -> None:
    job = Job(folder, "async", STYLES["none, 2 readers"])

    @flow(flow_run_name="async flow")
    async def users_flow() -> None:
        apply(job)

    asyncio.run(users_flow())
    assert job.is_done()
    run = api.flow_run("async")
    assert api.parent(run).flow_run_id == api.flow_run("async flow").id
    gc.collect()


def test_in_a_user_function(api: Api, folder: Path) -> None:
    outer, inner = Job(folder, "outer", STYLES["threads 1-1"]), Job(folder, "inner")
    calls: list[bool] = []

    def calls_apply(info: Any, inputs: Any, outputs: Any) -> None:
        if info.isFirstBlock():
            apply(inner)
            calls.append(inner.is_done())
        double(info, inputs, outputs)

    applier.apply(calls_apply, outer.infiles, outer.outfiles, controls=outer.controls)
    assert calls == [True]
    assert outer.is_done()
    assert set(api.task_runs(api.flow_run("inner").id, 1)) == {"apply"}


def test_two_at_a_time(api: Api, folder: Path) -> None:
    jobs = [Job(folder, f"twin {number}", STYLES["threads 1-1"]) for number in range(2)]
    with ThreadPoolExecutor(2) as pool:
        # settings are the context's, and a new thread has a new one
        for done in [pool.submit(copy_context().run, apply, job) for job in jobs]:
            done.result()
    for number, job in enumerate(jobs):
        assert job.is_done()
        run = api.flow_run(f"twin {number}")
        assert run.parameters["infiles"]["image"] == job.infiles.image
        assert len(api.task_runs(run.id, 3)) == 3
        assert str(run.state and run.state.message).startswith(f"{BLOCKS} blocks")


def test_no_server_of_our_own_where_one_is_configured(api: Api, folder: Path) -> None:
    apply(Job(folder, "configured"))
    assert embedded_server._server is None
