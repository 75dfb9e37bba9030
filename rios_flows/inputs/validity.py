"""Which pixels of an input are valid: by its nodata values, its masks, and where it has any."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rios_flows.gdal.private import IO_ERRORS, gdal_path
from rios_flows.geometry.regions import Box
from rios_flows.inputs.masks import mask_text
from rios_flows.inputs.reading import DatasetPool, failed
from rios_flows.inputs.sources import RasterSource
from rios_flows.inputs.warpscale import warp_scale
from rios_flows.inputs.warpvrt import Part
from rios_flows.reducers.nodata import as_pixel

if TYPE_CHECKING:
    from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
    from rios_flows.inputs.inputplan import InputPlan
    from rios_flows.inputs.warp import WarpPlan

Mask = NDArray[np.bool_]


def plan_valid(source: RasterSource, warp: WarpPlan) -> WarpPlan | None:
    """Plan to warp the masks of an input, too; None where its nodata values tell all."""
    if not any(source.masks) and None not in source.nodata:
        return None
    path = gdal_path(source.opens)
    # masks of bands that are warped each by itself, too: together, GDAL takes more for valid
    apart = source.bands if warp.definition.parts else ()
    texts = [mask_text(source, path, [band]) for band in apart]
    # a mask may have no overviews; and with 0 as nodata exactly those pixels come out as 0 that
    # have no valid one to be made of
    definition = replace(
        warp.definition,
        path=mask_text(source, path, source.bands),
        source=source.grid,
        bands=tuple(range(1, len(source.bands) + 1)),
        dtype="uint8",
        nodata=(0,) * len(source.bands),
        scale=warp_scale(source.grid, warp.definition.target),
        overview=None,
        parts=tuple(Part(text, 1) for text in texts),
    )
    return replace(warp, definition=definition, rounded=())


def valid_pixels(
    pool: DatasetPool, blocks: BlockGrid, item: InputPlan, block: ApplierBlockDefn, pixels: Any
) -> Mask | None:
    """Return which pixels (bands, rows, cols) of an input, as read, are valid; None if all are."""
    valid: Mask | None = None
    for band, nodata in enumerate(item.source.nodata):
        value = as_pixel(nodata, pixels.dtype)
        if value is None:
            continue
        found = ~np.isnan(pixels[band]) if value != value else pixels[band] != value
        if not found.all():
            valid = np.ones(pixels.shape, bool) if valid is None else valid
            valid[band] = found
    if not isinstance(item.source, RasterSource):
        return valid
    try:
        there = _there(pool, item, item.source, block, blocks.overlap)
    except IO_ERRORS as error:
        raise failed(pool, blocks, item, block, error) from error
    if there is None:
        return valid
    return there if valid is None else valid & there


def _there(
    pool: DatasetPool, item: InputPlan, source: RasterSource, block: ApplierBlockDefn, margin: int
) -> Mask | None:
    """Return which pixels the file has and its masks let pass; None if that is told otherwise."""
    masked = any(source.masks) if item.warp is None else item.valid is not None
    height, width = block.nrows + 2 * margin, block.ncols + 2 * margin
    left, top = block.left - margin - item.offset[0], block.top - margin - item.offset[1]
    inside = Box(left, top, left + width, top + height).within(*item.size)
    if not masked and inside == (left, top, left + width, top + height):
        return None
    found = np.zeros((len(source.bands), height, width), bool)
    if not inside.is_empty:
        rows = slice(inside.top - top, inside.bottom - top)
        cols = slice(inside.left - left, inside.right - left)
        found[:, rows, cols] = _masks(pool, item, source, inside) if masked else True
    return found if item.edges is None else item.edges.filled(found, block, margin).astype(bool)


def _masks(pool: DatasetPool, item: InputPlan, source: RasterSource, inside: Box) -> Mask:
    if item.valid is not None:
        return np.asarray(pool.valid(item).read(window=inside.window) != 0)
    masks = pool.get(item).read_masks(list(source.bands), window=inside.window)
    # the mask of a band that has none says which pixels are nodata, and rounds 64-bit integers
    masks[[not masked for masked in source.masks]] = 255
    return np.asarray(masks != 0)
