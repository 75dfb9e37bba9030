"""Files and arrays under the names that the user function knows them by."""

from rios_flows.controls.associations import *  # noqa: F403
from rios_flows.controls.associations import __all__ as __all__
