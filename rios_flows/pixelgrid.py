"""Pixel grids under RIOS's names: the definition of a grid, and what several have in common."""

from rios_flows.controls import const
from rios_flows.files import info as fileinfo
from rios_flows.geometry.pixelgriddefn import (
    PixelGridDefn,
    findCommonRegion,
    pixelGridFromFile,
    removeSurrounding,
)

__all__ = [
    "PixelGridDefn",
    "const",
    "fileinfo",
    "findCommonRegion",
    "pixelGridFromFile",
    "removeSurrounding",
]
