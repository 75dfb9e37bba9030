"""The Dask cluster of the flow, or task, in which a job is called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rios_flows.controls.extraparams import ADDRESS, SECURITY, TASK_RUNNER
from rios_flows.jobs.job import Job
from rios_flows.rioserrors import ParameterError, UnavailableError


def with_its_cluster(job: Job) -> Job:
    """Return a job whose workers run on the cluster of the flow's task runner, if that is wished.

    Raises
    ------
    ParameterError
        If this is no flow with a DaskTaskRunner, and no task of one.
    UnavailableError
        If prefect-dask is not installed.
    """
    options = job.plan.options
    extra = dict(options.style.computeWorkerExtraParams or {})
    if not extra.pop(TASK_RUNNER, False):
        return job
    style = replace(options.style, computeWorkerExtraParams={**extra, **_cluster()})
    return replace(job, plan=replace(job.plan, options=replace(options, style=style)))


def _cluster() -> dict[str, Any]:
    try:
        client = _client()
    except ImportError as error:
        raise UnavailableError(
            f"{TASK_RUNNER}=True needs prefect-dask ({error}): pip install 'rios_flows[dask]'"
        ) from error
    if client is None:
        raise ParameterError(
            f"computeWorkerExtraParams: {TASK_RUNNER}=True needs a flow whose task runner is a "
            "prefect_dask.DaskTaskRunner, or a task of it: give the flow one "
            f"(@flow(task_runner=DaskTaskRunner())), or give {ADDRESS} instead"
        )
    return {ADDRESS: client.scheduler.address, SECURITY: client.security}


def _client() -> Any:
    """Return what knows the scheduler, and how to talk to it; None where there is no cluster.

    prefect_dask.get_dask_client fails in a flow that has not submitted a task yet.
    """
    from distributed import get_worker
    from prefect.context import FlowRunContext, TaskRunContext
    from prefect_dask.task_runners import DaskTaskRunner

    if TaskRunContext.get() is not None:
        try:
            return get_worker()
        except ValueError:
            return None
    flow = FlowRunContext.get()
    if flow is not None and isinstance(flow.task_runner, DaskTaskRunner):
        return flow.task_runner.client
    return None
