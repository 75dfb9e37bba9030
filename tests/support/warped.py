"""Rasters to warp, and warping them in one call or block by block."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window

from rios_flows.geometry.crs import transform_points
from rios_flows.grid import BlockGrid, PixelGrid
from rios_flows.inputs.sources import RasterSource, open_source
from rios_flows.inputs.warp import MARGIN, READ_OPTIONS, WarpPlan, open_warped
from rios_flows.options import InputOptions

Array = NDArray[Any]


#: rasterio's names where they are not gdalwarp's
NAMES = {"near": "nearest", "cubicspline": "cubic_spline"}


SIZE = 640


def write(path: Path, pixels: Array, crs: str = "EPSG:32755", **profile: Any) -> str:
    transform = profile.pop("transform", from_origin(300000, 6000000, 30, 30))
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=pixels.shape[2],
        height=pixels.shape[1],
        count=pixels.shape[0],
        dtype=pixels.dtype,
        crs=crs,
        transform=transform,
        tiled=True,
        **profile,
    ) as file:
        file.write(pixels)
    return str(path)


def texture(bands: int = 1, size: int = SIZE, dtype: str = "uint16") -> Array:
    """Pixels that no two positions share, and that change much from one to the next."""
    return np.random.default_rng(7).integers(1, 60000, (bands, size, size)).astype(dtype)


def source_of(path: str, **options: Any) -> RasterSource:
    return open_source(("image", None), path, InputOptions(**options))


def inner_grid(source: PixelGrid, crs: str, factor: float = 1.0, cut: float = 0.12) -> PixelGrid:
    """A grid within the source in another CRS, pixels about ``factor`` times as large."""
    xmin, ymin, xmax, ymax = transform_bounds(source.crs, crs, *source.bounds)
    width, height = xmax - xmin, ymax - ymin
    res = factor * (width * height / (source.ncols * source.nrows)) ** 0.5
    return PixelGrid(
        xmin + width * cut,
        ymax - height * cut,
        res,
        res,
        int(width * (1 - 2 * cut) / res),
        int(height * (1 - 2 * cut) / res),
        CRS.from_user_input(crs).to_wkt(),
    )


def whole(plan: WarpPlan, margin: int = 0) -> Array:
    """The working grid and a margin, in one read."""
    outside = plan.margin - margin
    ncols, nrows = plan.grid.ncols - 2 * outside, plan.grid.nrows - 2 * outside
    with rasterio.Env(**READ_OPTIONS), open_warped(plan) as warped:
        window = Window(outside, outside, ncols, nrows)
        pixels: Array = warped.read(window=window)
        return pixels


def one_call(path: str, grid: PixelGrid, method: str, band: int = 1, **extra: Any) -> Array:
    """What GDAL makes of it when it warps the whole image at once."""
    with rasterio.open(path) as file:
        out = np.zeros((grid.nrows, grid.ncols), file.dtypes[0])
        reproject(
            rasterio.band(file, band),
            out,
            dst_transform=grid.transform,
            dst_crs=grid.crs,
            resampling=Resampling[NAMES.get(method, method)],
            warp_mem_limit=1000,
            **extra,
        )
        return out


def in_blocks(plan: WarpPlan, size: tuple[int, int], overlap: int, threads: int) -> Array:
    """Put the working grid together from blocks with margins, read in any order by some threads."""
    ncols, nrows = plan.grid.ncols - 2 * MARGIN, plan.grid.nrows - 2 * MARGIN
    out = np.zeros((1, nrows, ncols), plan.definition.dtype)
    blocks = list(BlockGrid(ncols, nrows, size))
    np.random.default_rng(3).shuffle(blocks)

    def lane(number: int) -> None:
        with rasterio.Env(**READ_OPTIONS), open_warped(plan) as warped:
            for top, left, height, width in blocks[number::threads]:
                window = Window(
                    MARGIN + left - overlap,
                    MARGIN + top - overlap,
                    width + 2 * overlap,
                    height + 2 * overlap,
                )
                inner = slice(overlap, overlap + height), slice(overlap, overlap + width)
                out[:, top : top + height, left : left + width] = warped.read(window=window)[
                    :, *inner
                ]

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lane, range(threads)))
    return out


def positions(source: PixelGrid, grid: PixelGrid) -> tuple[Array, Array]:
    """Where in the source the middle of every pixel of a grid lies, exactly (pixels)."""
    columns, rows = np.meshgrid(np.arange(grid.ncols) + 0.5, np.arange(grid.nrows) + 0.5)
    x, y = grid.xmin + columns * grid.xres, grid.ymax - rows * grid.yres
    x, y = transform_points(grid.crs, source.crs, x.ravel(), y.ravel())
    return (
        ((x - source.xmin) / source.xres).reshape(columns.shape),
        ((source.ymax - y) / source.yres).reshape(columns.shape),
    )
