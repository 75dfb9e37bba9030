"""Pixel grids under RIOS's names: the definition of a grid, and what several have in common."""

from rios_flows.controls import const as const
from rios_flows.files import info as fileinfo  # noqa: F401
from rios_flows.geometry.pixelgriddefn import *  # noqa: F403
from rios_flows.geometry.pixelgriddefn import __all__ as __all__
