"""The area that a run is to cover: a rectangle, or what the features or pixels of a file cover."""

from __future__ import annotations

import math

import rasterio
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError

from rios_flows import rioserrors
from rios_flows.controls.options import Options
from rios_flows.geometry import regions
from rios_flows.geometry.footprints import naming
from rios_flows.geometry.georef import grid_of_dataset
from rios_flows.geometry.grid import PixelGrid
from rios_flows.geometry.regions import Box

#: How much nearer than this to the edge of a pixel is on it (pixels): coordinates are rounded.
_ON_EDGE = 1e-6


def cut_to_area(grid: PixelGrid, options: Options) -> PixelGrid:
    """Cut the working grid to whole pixels that cover the area asked for, as far as it has any."""
    for control, extent in _asked(grid, options):
        with naming(control):
            box = _outwards(extent, grid)
        inside = box.within(grid.ncols, grid.nrows)
        if inside.is_empty:
            raise rioserrors.IntersectionError(
                f"{control}: {_told(extent)} has no pixel of the working grid, {_told(grid)}; "
                "check the coordinates, and their CRS"
            )
        grid = regions.grid_of(inside, grid)
    return grid


def _asked(grid: PixelGrid, options: Options) -> list[tuple[str, PixelGrid]]:
    asked = []
    if options.bounds is None and options.bounds_crs is not None:
        raise rioserrors.ParameterError("setBounds: a CRS is given, and no bounds; give both")
    if options.bounds is not None:
        crs = grid.crs if options.bounds_crs is None else _crs_of(options.bounds_crs)
        west, south, east, north = options.bounds
        asked.append(("setBounds", _extent(west, south, east, north, crs)))
    if options.area is not None:
        asked.append(("setAreaOfInterest", extent_of_file(options.area, "setAreaOfInterest", grid)))
    return asked


def extent_of_file(path: str, control: str, reference: PixelGrid) -> PixelGrid:
    """Return the grid of a raster; of a vector what its features cover, outwards to pixels."""
    try:
        with rasterio.open(path) as dataset:
            return grid_of_dataset(dataset, f"{control}: '{path}'")
    except RasterioError as error:
        try:
            extent = _extent_of_vector(path, control)
        except rioserrors.FileOpenError:
            raise rioserrors.FileOpenError(
                f"{control}: '{path}' is neither a raster nor a vector file ({error})"
            ) from error
    with naming(f"{control}: '{path}'"):
        return regions.grid_of(_outwards(extent, reference), reference)


def _extent_of_vector(path: str, control: str) -> PixelGrid:
    # few runs need it, and it takes a while to import
    from rios_flows.files.vectorinfo import VectorFileInfo

    layers = [layer for layer in VectorFileInfo(path) if layer.xMin is not None]
    if not layers:
        raise rioserrors.ParameterError(f"{control}: '{path}' has no feature with a geometry")
    layer = layers[0]
    edges = (layer.xMin, layer.yMin, layer.xMax, layer.yMax)
    west, south, east, north = (edge or 0.0 for edge in edges)
    return _extent(west, south, east, north, layer.projection)


def _extent(west: float, south: float, east: float, north: float, crs: str) -> PixelGrid:
    """Return a rectangle as a grid of one pixel; a point is as wide as can be told from it."""
    width = max(east - west, math.ulp(abs(east)))
    height = max(north - south, math.ulp(abs(north)))
    return PixelGrid(west, south + height, width, height, 1, 1, crs)


def _crs_of(name: str) -> str:
    try:
        return str(CRS.from_user_input(name).to_wkt())
    except (CRSError, ValueError) as error:
        raise rioserrors.ParameterError(
            f"setBounds: crs={name!r} is not right: it must be EPSG:code or well-known text "
            f"({error})"
        ) from None


def _outwards(extent: PixelGrid, reference: PixelGrid) -> Box:
    """Return the whole pixels of a grid that cover a rectangle."""
    bounds = regions.bounds_in(extent, reference)
    left = math.floor((bounds.xmin - reference.xmin) / reference.xres + _ON_EDGE)
    top = math.floor((reference.ymax - bounds.ymax) / reference.yres + _ON_EDGE)
    right = math.ceil((bounds.xmax - reference.xmin) / reference.xres - _ON_EDGE)
    bottom = math.ceil((reference.ymax - bounds.ymin) / reference.yres - _ON_EDGE)
    return Box(left, top, max(right, left + 1), max(bottom, top + 1))


def _told(grid: PixelGrid) -> str:
    xmin, ymin, xmax, ymax = grid.bounds
    return f"x {xmin:.10g} to {xmax:.10g}, y {ymin:.10g} to {ymax:.10g}"
