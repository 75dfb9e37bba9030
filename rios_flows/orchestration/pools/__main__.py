"""What a job of a work pool runs: the flow run of one worker, as Prefect's own engine would.

python -m rios_flows.orchestration.pools
"""

from __future__ import annotations

import os
from contextlib import suppress
from uuid import UUID

from prefect.engine import handle_engine_signals
from prefect.flow_engine import load_flow_run, run_flow

from rios_flows.orchestration.pools.worker import rios_compute_worker


def main() -> None:
    """Run the flow of a worker; the engine asks a deployment for the flow, and there is none."""
    flow_run_id = UUID(os.environ["PREFECT__FLOW_RUN_ID"])
    # how Prefect's worker says that it is about to end this process; there is no public name for it
    with suppress(ImportError):
        from prefect._internal.control_listener import configure_from_env

        configure_from_env()
    with handle_engine_signals(flow_run_id):
        # its state says how it has ended: an exception would only add a traceback
        run_flow(rios_compute_worker, load_flow_run(flow_run_id), return_type="state")


if __name__ == "__main__":
    main()
