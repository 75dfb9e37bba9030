"""Masks that an input has of its own: a ``.msk`` file, a mask inside the file, an alpha band.

GDAL ignores them when it reads. When it warps, it uses some, if there is no nodata value. Here a
mask counts both times or never: pixels that it leaves out become nodata, or are read as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from rios_flows.gdal.pixeltypes import GDAL_TYPES
from rios_flows.inputs.sources import RasterSource
from rios_flows.inputs.warpvrt import number_text, open_options
from rios_flows.reducers.nodata import as_pixel

if TYPE_CHECKING:
    from rasterio.io import DatasetReader
    from rasterio.windows import Window

    from rios_flows.basics.types import BlockArray
    from rios_flows.geometry.grid import PixelGrid


def fill_masked(
    dataset: DatasetReader, source: RasterSource, window: Window, pixels: BlockArray
) -> None:
    """Put nodata into pixels (bands, rows, cols) where the masks of a file leave them out."""
    for band, masked, nodata, out in zip(
        source.bands, source.masks, source.nodata, pixels, strict=True
    ):
        if masked:
            out[dataset.read_masks(band, window=window) == 0] = as_pixel(nodata, source.dtype)


def flat_text(source: RasterSource, path: str, grid: PixelGrid, overview: int | None) -> str:
    """Write a virtual raster of the bands to read, filled where masks say so, and without masks."""
    bands = "".join(_band(source, number, path, overview) for number in range(len(source.bands)))
    return f'<VRTDataset rasterXSize="{grid.ncols}" rasterYSize="{grid.nrows}">{bands}</VRTDataset>'


def needs_parts(source: RasterSource) -> bool:
    """Return whether a mask must be heeded where no nodata value can stand for it."""
    return source.weighs_masks and any(
        _is_bare(source, number) for number in range(len(source.bands))
    )


def part_texts(source: RasterSource, path: str, grid: PixelGrid) -> tuple[str, ...]:
    """Write a virtual raster for each band to read, with its mask as the one GDAL's warper uses."""
    size = f'rasterXSize="{grid.ncols}" rasterYSize="{grid.nrows}"'
    texts = []
    for number, index in enumerate(source.bands):
        bare = _is_bare(source, number)
        mask = f"<MaskBand>{_mask(path, index, '')}</MaskBand>" if bare else ""
        band = _band(source, number, path, None).replace(f'band="{number + 1}"', 'band="1"', 1)
        texts.append(f"<VRTDataset {size}>{band}{mask}</VRTDataset>")
    return tuple(texts)


def _is_bare(source: RasterSource, number: int) -> bool:
    """Return whether a band's mask cannot be put into its pixels."""
    is_complex = source.dtypes[number].startswith("complex")
    return source.masks[number] and (source.nodata[number] is None or is_complex)


def _mask(path: str, band: int, number: str) -> str:
    return (
        f'<VRTRasterBand dataType="Byte"{number}><SimpleSource>'
        f'<SourceFilename relativeToVRT="0" shared="0">{escape(path)}</SourceFilename>'
        f"<SourceBand>mask,{band}</SourceBand></SimpleSource></VRTRasterBand>"
    )


def mask_text(source: RasterSource, path: str, bands: Sequence[int]) -> str:
    """Write a virtual raster of the masks of bands: 0 where they leave a pixel out."""
    masks = "".join(_mask(path, band, f' band="{number}"') for number, band in enumerate(bands, 1))
    size = f'rasterXSize="{source.grid.ncols}" rasterYSize="{source.grid.nrows}"'
    return f"<VRTDataset {size}>{masks}</VRTDataset>"


def _band(source: RasterSource, number: int, path: str, overview: int | None) -> str:
    dtype, nodata = source.dtypes[number], source.nodata[number]
    heeded = source.fills_masked or (source.weighs_masks and nodata is not None)
    # GDAL heeds no mask of complex numbers
    fills = heeded and source.masks[number] and not dtype.startswith("complex")
    kind = "ComplexSource" if fills else "SimpleSource"
    filling = ""
    if nodata is not None:
        # GDAL reads a 64-bit integer exactly only if it is written as one
        text = str(int(nodata)) if dtype in ("int64", "uint64") else number_text(nodata)
        filling = f"<NoDataValue>{text}</NoDataValue>"
    return (
        f'<VRTRasterBand dataType="{GDAL_TYPES[dtype]}" band="{number + 1}">{filling}'
        f'<{kind}><SourceFilename relativeToVRT="0" shared="0">{escape(path)}</SourceFilename>'
        + f"{open_options(overview)}<SourceBand>{source.bands[number]}</SourceBand>"
        + ("<UseMaskBand>true</UseMaskBand>" if fills else "")
        + f"</{kind}></VRTRasterBand>"
    )
