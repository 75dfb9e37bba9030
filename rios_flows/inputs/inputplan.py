"""How one input is read: a value that pickles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rios_flows.inputs.edges import Edges
from rios_flows.inputs.sources import RasterSource
from rios_flows.inputs.warp import WarpPlan

if TYPE_CHECKING:
    from rios_flows.inputs.vectorplan import VectorPlan
    from rios_flows.inputs.vectors import VectorSource


@dataclass(frozen=True, slots=True)
class InputPlan:
    """How one input is read."""

    source: RasterSource | VectorSource
    # column and row of the first pixel in the working grid; columns and rows from there
    offset: tuple[int, int]
    size: tuple[int, int]
    bands: tuple[int, ...]
    # None where the file's own pixels are the grid's
    warp: WarpPlan | None = None
    # None for a raster
    vector: VectorPlan | None = None
    # None where the margin is not filled beyond the working grid
    edges: Edges | None = None
    # which pixels a warped raster has, where its own values do not tell
    valid: WarpPlan | None = None
