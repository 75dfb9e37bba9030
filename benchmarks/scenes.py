"""Rasters to work on, made once: large, the same each time, compressible like a satellite scene."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.transform import Affine
from rasterio.windows import Window

#: Tile and window (pixels).
TILE = 512
DATES = 50

_SEED = 20261122
_TEXTURE = 1024
# chosen so that deflate gets 1.8:1 on the scene of four bands
_SMOOTHNESS = 2.2
_RELIEF = 120.0
_NOISE = 2.2


def bench_directory() -> Path:
    """Give the directory for scenes and outputs: RIOS_FLOWS_BENCH_DIR, else a temporary one."""
    place = os.environ.get("RIOS_FLOWS_BENCH_DIR")
    directory = Path(place) if place else Path(tempfile.gettempdir()) / "rios_flows-benchmarks"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def scene(size: int) -> Path:
    """Give a scene of four bands uint16, deflated, pixel-interleaved; ``size`` is its side."""
    return _made(bench_directory() / f"scene-{size}.tif", size, bands=4, compress="deflate")


def stack(size: int, dates: int = DATES, tile: int | None = TILE) -> list[Path]:
    """Give one band uint16 of each of many dates, deflated; in strips where ``tile`` is None."""
    directory = bench_directory() / (f"stack-{size}" if tile == TILE else f"stack-{size}-{tile}")
    directory.mkdir(exist_ok=True)
    return [
        _made(directory / f"date-{date:02}.tif", size, 1, tile=tile, seed=date, compress="deflate")
        for date in range(dates)
    ]


def tiny_tiles(size: int, tile: int = 64) -> Path:
    """Give one band uint16 in small tiles, not compressed."""
    return _made(bench_directory() / f"tiny-{size}.tif", size, bands=1, tile=tile)


def jpeg2000(size: int) -> Path:
    """Give one band uint16 as JPEG 2000 in tiles of 1024, as Sentinel-2's; lossless."""
    path = bench_directory() / f"scene-{size}.jp2"
    if not path.exists():
        plain = _made(bench_directory() / f"plain-{size}.tif", size, bands=1)
        partial = path.with_suffix(".partial.jp2")  # by the ending it chooses the kind of file
        lossless = {"QUALITY": "100", "REVERSIBLE": "YES"}
        rasterio.shutil.copy(plain, partial, driver="JP2OpenJPEG", **lossless)
        partial.rename(path)
    return path


def _made(
    path: Path, size: int, bands: int, tile: int | None = TILE, seed: int = 0, **profile: Any
) -> Path:
    """Make a raster unless it is there; it gets its name only when complete."""
    if path.exists():
        return path
    partial = path.with_suffix(".partial")
    if tile is not None:
        profile |= {"tiled": True, "blockxsize": tile, "blockysize": tile}
    with rasterio.open(
        partial, "w", driver="GTiff", width=size, height=size, count=bands, dtype="uint16",
        crs="EPSG:32756", transform=Affine(10, 0, 3e5, 0, -10, 7e6), interleave="pixel",
        num_threads=2, **profile,
    ) as dataset:  # fmt: skip
        for window, pixels in _blocks(size, bands, seed):
            dataset.write(pixels, window=window)
    partial.rename(path)
    return path


def _blocks(size: int, bands: int, seed: int) -> Iterator[tuple[Window, NDArray[np.uint16]]]:
    """Cut block after block out of a texture without seams, each time at another place of it."""
    source = _texture(bands)
    shifts = np.random.default_rng([_SEED, seed])
    for row in range(0, size, TILE):
        for col in range(0, size, TILE):
            height, width = min(TILE, size - row), min(TILE, size - col)
            shift = tuple(int(n) for n in shifts.integers(0, _TEXTURE, 2))
            pixels = np.roll(source, shift, axis=(1, 2))[:, :height, :width]
            yield Window(col, row, width, height), pixels


@cache
def _texture(bands: int) -> NDArray[np.uint16]:
    """Make correlated bands of noise whose power falls with frequency, shape ``(bands, n, n)``."""
    rng = np.random.default_rng(_SEED)
    shape = (_TEXTURE, _TEXTURE)
    frequency = np.hypot(np.fft.fftfreq(_TEXTURE)[:, None], np.fft.rfftfreq(_TEXTURE)[None])
    frequency[0, 0] = 1.0
    common = np.fft.rfft2(rng.standard_normal(shape))
    texture = np.empty((bands, *shape), np.uint16)
    for band in range(bands):
        own = np.fft.rfft2(rng.standard_normal(shape))
        relief = np.fft.irfft2((0.8 * common + 0.6 * own) / frequency**_SMOOTHNESS, s=shape)
        grain = rng.normal(0.0, _NOISE, shape)
        texture[band] = 7000 + 1500 * band + _RELIEF * relief / relief.std() + grain
    return texture
