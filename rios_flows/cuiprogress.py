"""Progress objects for the command line, with RIOS's methods and a few more."""

from rios_flows.basics.bars import *  # noqa: F403
from rios_flows.basics.bars import __all__ as __all__
