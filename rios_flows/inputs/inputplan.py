"""How one input is read: a value that pickles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rios_flows.inputs.sources import RasterSource
from rios_flows.inputs.warp import WarpPlan

if TYPE_CHECKING:
    from rios_flows.inputs.rasterize import VectorPlan
    from rios_flows.inputs.vectors import VectorSource


@dataclass(frozen=True, slots=True)
class InputPlan:
    """How one input is read.

    Attributes
    ----------
    source : RasterSource or VectorSource
        The file.
    offset : tuple of int
        Column and row of the working grid at which the first pixel to be had lies (pixels).
    size : tuple of int
        How many columns and rows there are from there (pixels).
    bands : tuple of int
        Bands to read, from 1.
    warp : WarpPlan or None
        How it is brought onto the working grid; None where its own pixels are the grid's.
    vector : VectorPlan or None
        How it is burnt; None where it is a raster.
    """

    source: RasterSource | VectorSource
    offset: tuple[int, int]
    size: tuple[int, int]
    bands: tuple[int, ...]
    warp: WarpPlan | None = None
    vector: VectorPlan | None = None
