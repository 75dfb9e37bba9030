"""How many workers of which kind a run gets, in RIOS's words."""

from rios_flows.controls.concurrency import *  # noqa: F403
from rios_flows.controls.concurrency import __all__ as __all__
