"""How a vector input is burnt: what is planned of it, as values."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from rios_flows import rioserrors
from rios_flows.geometry.crs import crs_name, same_crs
from rios_flows.geometry.footprints import naming
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs import wholeburn
from rios_flows.inputs.carrying import Placing, placing_of
from rios_flows.inputs.vectors import VectorSource


@dataclass(frozen=True, slots=True)
class VectorPlan:
    """How one vector input is burnt; it pickles, and holds no open file."""

    source: VectorSource
    grid: PixelGrid
    placing: Placing
    # width and height of the windows that will be read (pixels): only to choose the cheaper way
    window: tuple[int, int]
    # how far windows reach beyond the grid (pixels)
    margin: int

    @property
    def cache_key(self) -> Hashable:
        """What decides the pixels: equal for two names of one layer with equal options."""
        source = self.source
        return source.opens, source.layer, source.options, self.grid, self.margin


def plan_vector(
    source: VectorSource, grid: PixelGrid, window: tuple[int, int], overlap: int
) -> VectorPlan:
    """Plan to burn one vector input; window and overlap are those of a block (pixels)."""
    if not same_crs(source.crs, grid.crs) and not (source.crs and grid.crs):
        raise rioserrors.VectorProjectionError(
            f"Layer '{source.layer}' of {source.what} has "
            f"{crs_name(source.crs)}, the working grid {crs_name(grid.crs)}: say what CRS the one "
            "without is in, for instance with `ogr2ogr -a_srs` or `gdal_edit.py -a_srs`"
        )
    # in steps, so that a raster of the whole layer is the same for most overlaps
    margin = -(-max(overlap, 1) // wholeburn.MARGIN) * wholeburn.MARGIN
    whole_window = (window[0] + 2 * overlap, window[1] + 2 * overlap)
    with naming(source.what):
        placing = placing_of(source.crs, grid, source.reach)
    return VectorPlan(source, grid, placing, whole_window, margin)
