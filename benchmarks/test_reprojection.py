"""Warping a scene onto a grid in another CRS, against a loop over rasterio's own WarpedVRT."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import rasterio
from pytest_benchmark.fixture import BenchmarkFixture
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform
from rasterio.windows import Window

from benchmarks.baselines import CACHE_BYTES
from benchmarks.measure import Board, compare
from benchmarks.scenes import scene
from rios_flows import engine
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.controls import ApplierControls
from rios_flows.geometry.georef import grid_of_dataset
from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from rios_flows.inputs.warpscale import Scale, warp_scale

WINDOW = 512
TARGET_CRS = "EPSG:3577"
CREATION = {"TILED": "YES", "BLOCKXSIZE": "512", "BLOCKYSIZE": "512", "NUM_THREADS": "2"}


class Warp(NamedTuple):
    """From which file onto which grid, and at what scale."""

    path: Path
    target: PixelGridDefn
    scale: Scale

    def windows(self) -> Iterator[Window]:
        grid = self.target.grid
        for row in range(0, grid.nrows, WINDOW):
            for col in range(0, grid.ncols, WINDOW):
                yield Window(col, row, min(WINDOW, grid.ncols - col), min(WINDOW, grid.nrows - row))


def make(size: int) -> Warp:
    path = scene(size)
    with rasterio.open(path) as source:
        transform, width, height = calculate_default_transform(
            source.crs, TARGET_CRS, size, size, *source.bounds, dst_width=size, dst_height=size
        )
        own = grid_of_dataset(source, str(path))
    wkt = rasterio.crs.CRS.from_user_input(TARGET_CRS).to_wkt()
    target = PixelGridDefn(
        geotransform=transform.to_gdal(), nrows=height, ncols=width, projection=wkt
    )
    return Warp(path, target, warp_scale(own, target.grid))


def by_engine(warp: Warp, result: Path) -> None:
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.source, outfiles.result = warp.path, result
    controls = ApplierControls()
    controls.setWindowSize(WINDOW, WINDOW)
    controls.setReferencePixgrid(warp.target)
    controls.setFootprintType(2)
    controls.setResampleMethod("cubic")
    controls.selectInputImageLayers([1])
    controls.setOutputDriverName("GTiff")
    controls.setCreationOptions([f"{name}={value}" for name, value in CREATION.items()])
    controls.setOmitPyramids(True)
    controls.setOmitBasicStats(True)
    controls.setOmitHistogram(True)
    controls.setConcurrencyStyle(ConcurrencyStyle(numReadWorkers=2))
    engine.apply(copy_block, infiles, outfiles, controls=controls)


def copy_block(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.source


def by_hand(warp: Warp, result: Path) -> None:
    grid, windows, lock = warp.target.grid, warp.windows(), threading.Lock()
    done: queue.Queue[tuple[Window, Any] | None] = queue.Queue(4)

    def work() -> None:
        with (
            rasterio.Env(),
            rasterio.open(warp.path) as source,
            WarpedVRT(
                source,
                crs=TARGET_CRS,
                transform=grid.transform,
                width=grid.ncols,
                height=grid.nrows,
                resampling=Resampling.cubic,
                XSCALE=str(warp.scale.x),
                YSCALE=str(warp.scale.y),
            ) as vrt,
        ):
            while True:
                with lock:
                    window = next(windows, None)
                if window is None:
                    break
                done.put((window, vrt.read([1], window=window)))
        done.put(None)

    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        with rasterio.open(
            result, "w", driver="GTiff", width=grid.ncols, height=grid.nrows, count=1,
            dtype="uint16", crs=TARGET_CRS, transform=grid.transform, **CREATION,
        ) as out:  # fmt: skip
            working = len(threads)
            while working:
                item = done.get()
                if item is None:
                    working -= 1
                else:
                    out.write(item[1], window=item[0])


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_reprojection(
    benchmark: BenchmarkFixture, board: Board, measuring: bool, output: Path
) -> None:
    warp = make(4096 if measuring else 600)
    ours, theirs = output / "ours.tif", output / "theirs.tif"
    times = compare(
        benchmark, lambda: by_engine(warp, ours), lambda: by_hand(warp, theirs), rounds=5
    )
    with rasterio.open(ours) as first, rasterio.open(theirs) as second:
        middle = Window(first.width // 2 - 50, first.height // 2 - 50, 100, 100)
        difference = first.read(1, window=middle).astype(int) - second.read(1, window=middle)
        # positions differ by up to 0.125 pixels in the baseline
        assert abs(difference).mean() < 0.05 * first.read(1, window=middle).mean()
    if times is not None:
        benchmark.extra_info["x"] = times.ratio
        board.add("reprojection, 2 readers / WarpedVRT loop", times.ratio, "x", 1.10, str(times))
