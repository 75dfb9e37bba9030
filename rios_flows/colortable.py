"""Colour tables: named ramps, and the tables of raster files."""

from rios_flows.controls.const import basestring
from rios_flows.files import colors, ramps
from rios_flows.files.colors import *  # noqa: F403
from rios_flows.files.ramps import *  # noqa: F403
from rios_flows.files.ramps import RANDOM as RANDOM_NAME

__all__ = ["RANDOM_NAME", "basestring"]
__all__ += colors.__all__
__all__ += ramps.__all__
