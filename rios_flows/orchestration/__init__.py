"""The Prefect shell: ``apply()`` as a flow, with one task run per lane.

Importing this package imports no Prefect; :func:`run` does, once it is called.
"""

from rios_flows.orchestration.entry import run

__all__ = ["run"]
