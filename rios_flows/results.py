"""The result of a run, and errors of workers."""

from rios_flows.reports.results import *  # noqa: F403
from rios_flows.reports.results import __all__ as __all__
