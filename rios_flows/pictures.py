"""Pictures of a run and of its output; any thread may draw them."""

from rios_flows.reports.pictures import *  # noqa: F403
from rios_flows.reports.pictures import __all__ as __all__
