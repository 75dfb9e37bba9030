"""Which grid a run works on: chosen from its inputs, its references and the footprint type."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import rasterio
from rasterio.errors import RasterioError

from rios_flows import rioserrors
from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE, UNION
from rios_flows.controls.options import Options
from rios_flows.geometry import regions
from rios_flows.geometry.crs import period, same_crs
from rios_flows.geometry.georef import grid_of_dataset
from rios_flows.geometry.grid import Bounds, PixelGrid
from rios_flows.inputs.sources import RasterSource
from rios_flows.jobs.area import cut_to_area, extent_of_file

logger = logging.getLogger(__name__)


def choose_grid(sources: Sequence[RasterSource], options: Options) -> PixelGrid:
    """Choose the working grid: that of the reference, else of the first raster, cut or extended."""
    return cut_to_area(_whole_grid(sources, options), options)


def _whole_grid(sources: Sequence[RasterSource], options: Options) -> PixelGrid:
    reference = _reference(sources, options)
    if reference is None:
        if not sources:
            raise rioserrors.ParameterError(
                "there is no raster input to take a grid from; call setReferenceImage or "
                "setReferencePixgrid"
            )
        _refuse_differences(sources)
        reference = sources[0].grid
    _warn_of_other_longitudes(sources, reference)
    if options.footprint == BOUNDS_FROM_REFERENCE:
        return reference
    grids, names = [source.grid for source in sources], [source.what for source in sources]
    if options.files_for_extent is not None:
        control = "setFilesForExtent"
        grids = [extent_of_file(path, control, reference) for path in options.files_for_extent]
        names = [f"'{path}' ({control})" for path in options.files_for_extent]
    combine = regions.union if options.footprint == UNION else regions.intersect
    return combine(grids, reference, names) if grids else reference


def _warn_of_other_longitudes(sources: Sequence[RasterSource], reference: PixelGrid) -> None:
    """Warn of what would lie on the reference, if longitudes were not plain numbers."""
    turn = period(reference.crs) if reference.crs else None
    if turn is None:
        return
    for source in sources:
        if same_crs(source.grid.crs, reference.crs):
            for shift in (-turn, turn):
                _warn_of_part(source, reference.bounds, reference.xres, shift)


def _warn_of_part(source: RasterSource, other: Bounds, pixel: float, shift: float) -> None:
    mine = source.grid.bounds
    west, east = max(mine.xmin + shift, other.xmin), min(mine.xmax + shift, other.xmax)
    if east - west <= pixel or (west >= mine.xmin and east <= mine.xmax):
        return
    logger.warning(
        "%s has longitudes from %g to %g, and the working grid is chosen from others, %g to %g: "
        "these are plain numbers, and what lies at %g to %g is not looked for at %g to %g; count "
        "all alike before, as with gdalwarp or xarray's assign_coords",
        *(source.what, mine.xmin, mine.xmax, other.xmin, other.xmax),
        *(west - shift, east - shift, west, east),
    )


def _reference(sources: Sequence[RasterSource], options: Options) -> PixelGrid | None:
    if options.reference_grid is not None:
        grid: PixelGrid = options.reference_grid.grid
        return grid
    if options.reference_image is None:
        return None
    for source in sources:
        if options.reference_image in (source.key[0], source.path):
            return source.grid
    return _grid_of_file(options.reference_image, "setReferenceImage")


def _grid_of_file(path: str, control: str) -> PixelGrid:
    try:
        with rasterio.open(path) as dataset:
            return grid_of_dataset(dataset, f"{control}: '{path}'")
    except RasterioError as error:
        raise rioserrors.FileOpenError(
            f"{control}: '{path}' is neither the name of a raster input nor a raster file ({error})"
        ) from error


def _refuse_differences(sources: Sequence[RasterSource]) -> None:
    first = sources[0]
    for source in sources[1:]:
        difference = regions.mismatch(source.grid, first.grid)
        if difference:
            raise rioserrors.ResampleNeededError(
                f"Input grids do not match: {source.what} differs from "
                f"{first.what} in {difference}; call setReferenceImage "
                "or setReferencePixgrid to say which grid to work on"
            )
