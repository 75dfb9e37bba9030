"""The Prefect shell: ``apply()`` as a flow, with one task run per lane.

Importing this package imports no Prefect; :func:`run_as_flow` does, once it is called.
"""

from rios_flows.orchestration.entry import run_as_flow

__all__ = ["run_as_flow"]
