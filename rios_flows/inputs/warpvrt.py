"""The text of a GDAL virtual raster that warps one file onto one grid.

It is written here, and not made by ``rasterio.vrt.WarpedVRT``, for what that class cannot say: the
width of the tiles in which GDAL warps, a selection of bands, a nodata value for each, and
longitudes that go on counting past the antimeridian. It opens in a twentieth of the time, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from html import escape
from typing import NamedTuple

from rasterio.crs import CRS

from rios_flows.gdal.pixeltypes import GDAL_TYPES
from rios_flows.geometry.crs import same_crs, turn_of
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs.warpscale import Scale

#: GDAL warps in tiles of this size (pixels). Along a row of a tile positions are interpolated, so
#: its width is what decides which source position a pixel gets. Small tiles waste little where
#: threads read neighbouring windows, and make interpolation nearly exact.
TILE = 128

#: How far interpolated positions may be off (source pixels). With rows as short as these it costs
#: nothing to stay far below GDAL's default of 0.125.
POSITION_ERROR = 0.01

#: gdalwarp's names of resampling methods: the names in a virtual raster, and kernel radii (pixels).
METHODS = {
    "near": ("NearestNeighbour", 0),
    "bilinear": ("Bilinear", 1),
    "cubic": ("Cubic", 2),
    "cubicspline": ("CubicSpline", 2),
    "lanczos": ("Lanczos", 3),
    "average": ("Average", 0),
    "rms": ("RootMeanSquare", 0),
    "mode": ("Mode", 0),
    "max": ("Maximum", 0),
    "min": ("Minimum", 0),
    "med": ("Median", 0),
    "q1": ("Quartile1", 0),
    "q3": ("Quartile3", 0),
    "sum": ("Sum", 0),
}


class Part(NamedTuple):
    """A band that is warped by itself: its file or the text of a virtual raster, and its number."""

    path: str
    band: int


@dataclass(frozen=True, slots=True)
class WarpDefinition:
    """Everything that a warped virtual raster is made from."""

    # GDAL's name of the file, or the text of a virtual raster
    path: str
    # the file's grid, or the overview's
    source: PixelGrid
    target: PixelGrid
    bands: tuple[int, ...]
    dtype: str
    nodata: tuple[float | None, ...]
    resampling: str
    scale: Scale
    # from 0
    overview: int | None = None
    # bands that are each warped by itself, in place of all together
    parts: tuple[Part, ...] = ()


def vrt_text(item: WarpDefinition) -> str:
    """Write the virtual raster; its bands are the selected ones, counted from 1."""
    target = item.target
    size = f'rasterXSize="{target.ncols}" rasterYSize="{target.nrows}"'
    if item.parts:
        parts = "".join(_part(number, item) for number in range(1, len(item.parts) + 1))
        return f"<VRTDataset {size}>{_place(target)}{parts}</VRTDataset>"
    bands = "".join(_band(number, item) for number in range(1, len(item.bands) + 1))
    return (
        f'<VRTDataset {size} subClass="VRTWarpedDataset">'
        + f"{_place(target)}{bands}"
        + f"<BlockXSize>{TILE}</BlockXSize><BlockYSize>{TILE}</BlockYSize>"
        + f"<GDALWarpOptions>{_warp_options(item)}</GDALWarpOptions></VRTDataset>"
    )


def _place(target: PixelGrid) -> str:
    crs = f"<SRS>{escape(target.crs)}</SRS>" if target.crs else ""
    return f"{crs}<GeoTransform>{_numbers(target)}</GeoTransform>"


def _part(number: int, item: WarpDefinition) -> str:
    """Write a band that is warped by itself."""
    nodata, part = item.nodata[number - 1], item.parts[number - 1]
    alone = replace(item, path=part.path, bands=(part.band,), nodata=(nodata,), parts=())
    return (
        f'<VRTRasterBand dataType="{GDAL_TYPES[item.dtype]}" band="{number}">'
        + (f"<NoDataValue>{number_text(nodata)}</NoDataValue>" if nodata is not None else "")
        + f'<SimpleSource><SourceFilename relativeToVRT="0" shared="0">{escape(vrt_text(alone))}'
        "</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
    )


def _band(number: int, item: WarpDefinition) -> str:
    nodata = item.nodata[number - 1]
    return (
        f'<VRTRasterBand dataType="{GDAL_TYPES[item.dtype]}" band="{number}" '
        'subClass="VRTWarpedRasterBand">'
        + (f"<NoDataValue>{number_text(nodata)}</NoDataValue>" if nodata is not None else "")
        + "</VRTRasterBand>"
    )


def _warp_options(item: WarpDefinition) -> str:
    method, radius = METHODS[item.resampling]
    options = {
        "XSCALE": number_text(item.scale.x),
        "YSCALE": number_text(item.scale.y),
        # the window that GDAL fetches for a tile follows the tile's own scale; this makes up for it
        "SOURCE_EXTRA": str(math.ceil(radius / min(item.scale)) + 1),
        # a nodata value never mixes with others, and pixels without data in all bands stay so
        "UNIFIED_SRC_NODATA": "PARTIAL",
        "INIT_DEST": ",".join("0" if value is None else "NO_DATA" for value in item.nodata),
        "ERROR_OUT_IF_EMPTY_SOURCE_WINDOW": "FALSE",
    }
    mappings = map(_mapping, range(1, len(item.bands) + 1), item.bands, item.nodata)
    return (
        f"<ResampleAlg>{method}</ResampleAlg>"
        + "".join(f'<Option name="{name}">{value}</Option>' for name, value in options.items())
        + f'<SourceDataset relativeToVRT="0">{escape(item.path)}</SourceDataset>'
        + open_options(item.overview)
        + f"<Transformer>{_transformer(item.source, item.target)}</Transformer>"
        + f"<BandList>{''.join(mappings)}</BandList>"
    )


def open_options(overview: int | None) -> str:
    """Say which overview is to be read, from 0; nothing for the file's own pixels."""
    if overview is None:
        return ""
    return f'<OpenOptions><OOI key="OVERVIEW_LEVEL">{overview}</OOI></OpenOptions>'


def _mapping(number: int, band: int, nodata: float | None) -> str:
    values = ""
    if nodata is not None:
        value = number_text(nodata)
        values = "".join(
            f"<{tag}Real>{value}</{tag}Real><{tag}Imag>0</{tag}Imag>"
            for tag in ("SrcNoData", "DstNoData")
        )
    return f'<BandMapping src="{band}" dst="{number}">{values}</BandMapping>'


def _transformer(source: PixelGrid, target: PixelGrid) -> str:
    grids = (
        f"<SrcGeoTransform>{_numbers(source)}</SrcGeoTransform>"
        f"<DstGeoTransform>{_numbers(target)}</DstGeoTransform>"
    )
    if same_crs(source.crs, target.crs):
        return f"<GenImgProjTransformer>{grids}</GenImgProjTransformer>"
    return (
        f"<ApproxTransformer><MaxError>{POSITION_ERROR}</MaxError><BaseTransformer>"
        f"<GenImgProjTransformer>{grids}<ReprojectTransformer><ReprojectionTransformer>"
        f"<SourceSRS>{escape(source.crs)}</SourceSRS><TargetSRS>{escape(target.crs)}</TargetSRS>"
        f"{_centre(source)}</ReprojectionTransformer></ReprojectTransformer>"
        "</GenImgProjTransformer></BaseTransformer></ApproxTransformer>"
    )


def _centre(source: PixelGrid) -> str:
    """Say where the source's longitudes lie, so that 181 degrees and -179 degrees are the same."""
    crs = CRS.from_wkt(source.crs)
    if not crs.is_geographic or turn_of(source.crs, source.bounds) is None:
        return ""
    degrees = math.degrees(crs.units_factor[1]) * (source.xmin + source.xmax) / 2
    return f'<Options><Option key="CENTER_LONG">{number_text(degrees)}</Option></Options>'


def _numbers(grid: PixelGrid) -> str:
    return ",".join(map(number_text, grid.gdal_transform))


def number_text(value: float) -> str:
    """Write a number so that GDAL reads the very same."""
    return repr(float(value))
