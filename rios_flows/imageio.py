"""Positions in a raster and in the world; and the footprint constants."""

from rios_flows.geometry.positions import *  # noqa: F403
from rios_flows.geometry.positions import __all__ as __all__
