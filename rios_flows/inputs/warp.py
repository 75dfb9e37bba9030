"""One raster input on the working grid: planned once for a job, opened by every thread.

The same pixels come out however the work is cut, because GDAL always warps the same tiles: the
virtual raster begins a fixed number of pixels outside the working grid, whatever the block size and
overlap (except for overlaps of thousands of pixels, for which it begins further outside).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import rasterio
from rasterio.env import ensure_env_with_credentials

from rios_flows import rioserrors
from rios_flows.gdal.private import gdal_path
from rios_flows.geometry.footprints import naming
from rios_flows.geometry.georef import grid_of_dataset
from rios_flows.geometry.grid import PixelGrid
from rios_flows.geometry.regions import widened
from rios_flows.inputs.masks import flat_text, needs_parts, part_texts
from rios_flows.inputs.warpscale import Scale, warp_scale
from rios_flows.inputs.warpvrt import METHODS, Part, WarpDefinition, vrt_text
from rios_flows.reducers.nodata import needs_digits, nodata_of

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

    from rios_flows.basics.types import BlockArray
    from rios_flows.inputs.sources import RasterSource

logger = logging.getLogger(__name__)

#: How far the virtual raster reaches beyond the working grid on every side (pixels, whole tiles).
#: It costs nothing. For a larger overlap it is the next multiple; as coordinates count from where
#: the raster begins, their last bits may then differ.
MARGIN = 8192

#: Makes GDAL read virtual rasters tile by tile. For large windows it would else warp the window in
#: one go, and pixels would depend on the size of the blocks.
READ_OPTIONS = {"GDAL_VRT_WARP_USE_DATASET_RASTERIO": "NO"}


#: Methods that put values in order, or count the same ones: GDAL has them for no complex numbers.
REAL_ONLY = ("min", "max", "med", "q1", "q3", "mode")


class RoundedNodata(NamedTuple):
    """A 64-bit nodata value of a band (from 0): as GDAL's warper rounds it, and exactly."""

    place: int
    rounded: int
    exact: int


@dataclass(frozen=True, slots=True)
class WarpPlan:
    """How one input is brought onto the working grid; it pickles, and holds no open file."""

    path: str
    # its target is the working grid and ``margin`` pixels around it
    definition: WarpDefinition
    margin: int = MARGIN
    rounded: tuple[RoundedNodata, ...] = ()

    @property
    def grid(self) -> PixelGrid:
        """Grid of the warped raster."""
        return self.definition.target

    @property
    def offset(self) -> tuple[int, int]:
        """Column and row of the working grid at which the warped raster begins (pixels)."""
        return (-self.margin, -self.margin)


def plan_warp(
    source: RasterSource,
    grid: PixelGrid,
    resampling: str,
    *,
    overlap: int = 0,
    use_overviews: bool = False,
) -> WarpPlan:
    """Plan to bring one input onto the working grid."""
    if resampling in REAL_ONLY and source.dtype.startswith("complex"):
        # else GDAL refuses at the first read only, and at a second try gives pixels of chance
        raise rioserrors.GdalWarpError(
            f"GDAL cannot warp {source.what} with resampling '{resampling}', since it is "
            f"{source.dtype}; choose a method that is not of {', '.join(REAL_ONLY)}"
        )
    overview, pixels = None, source.grid
    with naming(source.what):
        scale = warp_scale(pixels, grid)
        # a mask may have no overviews
        heeded = source.fills_masked or source.weighs_masks
        if use_overviews and not heeded and min(scale) < 1:
            overview, pixels = _fitting_overview(source, scale)
            scale = warp_scale(pixels, grid)
    path, bands = gdal_path(source.opens), source.bands
    # the nearest pixel is one, and mixes with none
    masked = resampling != "near" and needs_parts(source)
    parts = [Part(text, 1) for text in part_texts(source, path, pixels)] if masked else []
    if any(source.masks):
        path, overview = flat_text(source, path, pixels, overview), None
        bands = tuple(range(1, len(bands) + 1))
    if not masked and _differ_together(source, resampling):
        parts = [Part(path, band) for band in bands]
    margin = -(-max(overlap, 1) // MARGIN) * MARGIN
    return WarpPlan(
        source.opens,
        WarpDefinition(
            path=path,
            source=pixels,
            target=widened(grid, margin),
            bands=bands,
            dtype=source.dtype,
            nodata=source.nodata,
            resampling=resampling,
            scale=scale,
            overview=overview,
            parts=tuple(parts),
        ),
        margin,
        _rounded_nodata(source),
    )


def _differ_together(source: RasterSource, resampling: str) -> bool:
    """Return whether GDAL makes other pixels of several bands than of each by itself.

    Together, it makes values of neighbours for a pixel that is nodata in some of the bands only.
    """
    weighs = METHODS[resampling][1] > 0
    return weighs and len(source.bands) > 1 and any(each is not None for each in source.nodata)


def _rounded_nodata(source: RasterSource) -> tuple[RoundedNodata, ...]:
    """Return the nodata values that GDAL rounds, and warn of them."""
    found = []
    for place, nodata in enumerate(source.nodata):
        if nodata is None or not needs_digits(source.dtype, nodata):
            continue
        rounded = nodata_of(source.dtype, float(nodata))
        if rounded is None:
            raise rioserrors.GdalWarpError(
                f"GDAL cannot warp {source.what} with the nodata value {nodata}: it has that as a "
                f"float, {float(nodata):.0f}, which no {source.dtype} is; take its grid as "
                "the working grid (setReferenceImage), or give it another nodata value beforehand"
            )
        logger.warning(
            "%s is warped as floats: pixels with as much as its nodata value %s but for the last "
            "digits count as nodata, too",
            source.what,
            nodata,
        )
        found.append(RoundedNodata(place, int(rounded), int(nodata)))
    return tuple(found)


def restore_nodata(plan: WarpPlan, pixels: BlockArray) -> None:
    """Put the exact nodata values into pixels that were read from a warped raster."""
    for place, rounded, exact in plan.rounded:
        band = pixels[place]
        band[band == rounded] = exact


def _fitting_overview(source: RasterSource, scale: Scale) -> tuple[int | None, PixelGrid]:
    """Choose the smallest overview that still has as many pixels as the working grid needs."""
    chosen: tuple[int | None, PixelGrid] = (None, source.grid)
    with rasterio.open(source.opens) as dataset:
        count = len(dataset.overviews(source.bands[0]))
    for level in range(count):
        with rasterio.open(source.opens, OVERVIEW_LEVEL=level) as dataset:
            grid = grid_of_dataset(dataset, f"overview {level} of '{source.path}'")
        # as gdalwarp does: a tenth of a pixel may be missing
        if source.grid.ncols / grid.ncols > 1 / max(scale) + 0.1:
            break
        chosen = (level, grid)
    return chosen


def open_warped(plan: WarpPlan) -> DatasetReader:
    """Open one input on the working grid, for one thread; read it under ``READ_OPTIONS``."""
    text = vrt_text(plan.definition)
    # by its first argument it finds the credentials that the file needs
    return ensure_env_with_credentials(lambda _: rasterio.open(text))(plan.path)
