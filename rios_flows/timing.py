"""Named intervals of time, gathered from many threads."""

from rios_flows.basics.timing import *  # noqa: F403
from rios_flows.basics.timing import __all__ as __all__
