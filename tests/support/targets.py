"""Outputs as they are planned, by themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.crs import CRS

from rios_flows.controls.options import OutputOptions
from rios_flows.formats.choosing import choose_format
from rios_flows.formats.format import Cut, Wanted
from rios_flows.geometry.grid import BlockGrid, PixelGrid
from rios_flows.outputs.outputplan import OutputPlan
from rios_flows.outputs.targets import Target
from tests.support import rasters

#: 200 columns and 100 rows, where ``write_raster`` puts its files, in blocks of 64 x 32.
GRID = PixelGrid(
    *rasters.ORIGIN, rasters.RES, rasters.RES, 200, 100, CRS.from_user_input(rasters.CRS).to_wkt()
)
WINDOW = (64, 32)


def target(path: Path | str = "a.tif", **options: Any) -> Target:
    """Plan one output, with options by the names of their fields."""
    wanted = OutputOptions(**options)
    cut = Cut(WINDOW, (GRID.ncols, GRID.nrows))
    made = choose_format(str(path), "a", cut, wanted.driver, wanted.creation_options)
    return Target(("a", None), str(path), made, wanted)


def wanted(dtype: str = "int16", bands: int = 1, **tags: str) -> Wanted:
    """Return what a file on the grid is to have."""
    return Wanted(GRID, bands, np.dtype(dtype), tags)


def output_plan(*targets: Target, overlap: int = 0) -> OutputPlan:
    """Plan outputs on the grid."""
    blocks = replace(BlockGrid(GRID.ncols, GRID.nrows, WINDOW), overlap=overlap)
    return OutputPlan(GRID, blocks, targets, False, "")
