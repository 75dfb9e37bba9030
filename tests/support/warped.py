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

from rios_flows.controls.options import InputOptions
from rios_flows.geometry.crs import transform_points
from rios_flows.geometry.grid import BlockGrid, PixelGrid
from rios_flows.inputs.sources import RasterSource, open_source
from rios_flows.inputs.warp import MARGIN, READ_OPTIONS, WarpPlan, open_warped

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


def turned_grid(
    source: PixelGrid, angle: float, factors: tuple[float, float], size: int
) -> PixelGrid:
    """A grid in the middle of a source in UTM, turned against it; so many source pixels across."""
    middle = (
        source.xmin + source.ncols * source.xres / 2,
        source.ymax - source.nrows * source.yres / 2,
    )
    [lon], [lat] = move(source.crs, CRS.from_epsg(4326).to_wkt(), *middle)
    crs = CRS.from_string(
        f"+proj=omerc +lat_0={lat} +lonc={lon} +alpha=45 +gamma={45 - angle} +k=0.9996 "
        "+datum=WGS84 +units=m"
    ).to_wkt()
    [x], [y] = move(source.crs, crs, *middle)
    xres, yres = factors[0] * source.xres, factors[1] * source.yres
    ncols, nrows = round(size / factors[0]), round(size / factors[1])
    return PixelGrid(
        x - (ncols / 2 + 0.17) * xres, y + (nrows / 2 + 0.29) * yres, xres, yres, ncols, nrows, crs
    )


def move(source: str, target: str, x: float, y: float) -> tuple[Array, Array]:
    """Transform one point."""
    return transform_points(source, target, np.array([x]), np.array([y]))


def smooth_noise(size: int, seed: int = 1) -> Array:
    """Noise whose amplitude falls with its frequency, as that of photographs; float64."""
    white = np.fft.fft2(np.random.default_rng(seed).normal(size=(size, size)))
    frequency = np.fft.fftfreq(size)
    steep = np.maximum(np.hypot(frequency[:, None], frequency), 1 / size)
    pixels = np.real(np.fft.ifft2(white / steep))
    scaled: Array = 3000 + 800 * (pixels - pixels.mean()) / pixels.std()
    return scaled


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


def positions(source: PixelGrid, grid: PixelGrid, parts: int = 1) -> tuple[Array, Array]:
    """Where in the source the middle of every pixel of a grid lies, exactly (pixels).

    With ``parts``, of each of so many parts of a pixel in both directions.
    """
    columns, rows = np.meshgrid(
        (np.arange(grid.ncols * parts) + 0.5) / parts, (np.arange(grid.nrows * parts) + 0.5) / parts
    )
    x, y = grid.xmin + columns * grid.xres, grid.ymax - rows * grid.yres
    x, y = transform_points(grid.crs, source.crs, x.ravel(), y.ravel())
    return (
        ((x - source.xmin) / source.xres).reshape(columns.shape),
        ((source.ymax - y) / source.yres).reshape(columns.shape),
    )
