"""What a job does: it runs the flow run that ``PREFECT__FLOW_RUN_ID`` names.

As ``prefect flow-run execute``, which starts the flow's process in a session of its own, though:
queues that know the processes of a job by their session, or process group, would not find it.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from uuid import UUID

from prefect.flows import load_flow_from_flow_run
from prefect.runner._flow_run_executor import FlowRunExecutorContext
from prefect.runner._starter_engine import EngineCommandStarter


async def execute(flow_run_id: UUID) -> None:
    """Run a flow run in a process, look after it, and cancel it when the server says so."""
    async with FlowRunExecutorContext() as context:
        flow_run = await context.client.read_flow_run(flow_run_id)
        executor = context.create_executor(
            flow_run,
            EngineCommandStarter(control_channel=context.control_channel),
            resolve_flow=load_flow_from_flow_run,
            propose_submitting=False,
        )
        await executor.submit()


if __name__ == "__main__":
    # as Prefect's process worker does: it uses what it tells others not to
    warnings.simplefilter("ignore", DeprecationWarning)
    asyncio.run(execute(UUID(os.environ["PREFECT__FLOW_RUN_ID"])))
