"""The engine's records, one for each block and stage, and their listeners."""

from rios_flows.reports.records import *  # noqa: F403
from rios_flows.reports.records import __all__ as __all__
