"""Colour tables: named ramps, and the tables of raster files."""

from rios_flows.controls.const import basestring as basestring
from rios_flows.files.colors import *  # noqa: F403
from rios_flows.files.colors import RANDOM as RANDOM_NAME  # noqa: F401
from rios_flows.files.colors import __all__ as __all__
