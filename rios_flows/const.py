"""RIOS's constants: its defaults, or what the environment says at the import."""

from rios_flows.controls.const import *  # noqa: F403
from rios_flows.controls.const import __all__ as __all__
