"""Not one pixel differs, whatever the layout, window, driver, order and cache: GDAL's is flushed.

Any thread may have GDAL write out what its cache holds of a file that another one is writing. A
block of which GDAL has only a part is lost in that way; so here a thread does nothing else.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from rios_flows import engine
from rios_flows.controls.associations import BlockAssociations
from rios_flows.controls.controls import ApplierControls
from rios_flows.gdal.private import GDAL
from rios_flows.outputs import outputfile
from rios_flows.outputs.outputset import OutputSet
from rios_flows.outputs.wholeblocks import WholeBlocks
from rios_flows.structures import FilenameAssociations, Timers
from tests.support.rasters import Array, coordinates, read_raster, write_raster
from tests.support.styles import STYLES

#: Ending, driver and creation options; None for those by default.
FORMATS: list[tuple[str, str, list[str] | None]] = [
    ("tif", "GTiff", None),
    ("tif", "GTiff", ["COMPRESS=LZW"]),
    ("tif", "GTiff", ["COMPRESS=DEFLATE", "BLOCKYSIZE=1", "INTERLEAVE=PIXEL"]),
    ("tif", "GTiff", ["COMPRESS=ZSTD", "BLOCKYSIZE=7", "INTERLEAVE=BAND"]),
    ("tif", "GTiff", ["TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256", "INTERLEAVE=PIXEL"]),
    ("tif", "GTiff", ["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=16", "COMPRESS=LZW"]),
    ("tif", "GTiff", ["TILED=YES", "BLOCKXSIZE=48", "BLOCKYSIZE=80", "COMPRESS=PACKBITS"]),
    ("img", "HFA", None),
    ("img", "HFA", ["BLOCKSIZE=128"]),
    ("tif", "COG", None),
    ("tif", "COG", ["BLOCKSIZE=128", "COMPRESS=LZW"]),
    ("bsq", "ENVI", ["INTERLEAVE=BSQ"]),
    ("bil", "ENVI", ["INTERLEAVE=BIL"]),
    ("bip", "ENVI", ["INTERLEAVE=BIP"]),
    ("zarr", "Zarr", None),
    ("zarr", "Zarr", ["BLOCKSIZE=37,53"]),
]
CACHES = [1 << 20, 2 << 20, 64 << 20]


@contextmanager
def flushing() -> Iterator[None]:
    """Have GDAL's block cache flushed all the while."""
    end = threading.Event()

    def flush() -> None:
        while not end.is_set():
            while GDAL.GDALFlushCacheBlock():
                pass
            time.sleep(0.0002)

    thread = threading.Thread(target=flush)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


class Copy:
    """A job that copies a raster, with everything else left to chance."""

    def __init__(self, folder: Path, seed: int) -> None:
        chance = self.chance = random.Random(seed)
        self.ending, driver, options = chance.choice(FORMATS)
        bands = 1 if driver == "Zarr" and options else chance.randint(1, 3)
        dtype = chance.choice(["uint8", "int16", "float32"])
        # rasterio warns of a Zarr store of one row or column, which has no position
        least = 2 if driver == "Zarr" else 1
        rows, cols = chance.randint(least, 300), chance.randint(least, 300)
        self.pixels = coordinates(bands, rows, cols, dtype)
        self.window = (chance.choice([16, 64, 100, 256]), chance.choice([16, 50, 64, 256]))
        if chance.random() < 0.5:
            self.window = (chance.randint(5, 320), chance.randint(5, 320))
        self.infiles, self.outfiles = FilenameAssociations(), FilenameAssociations()
        self.infiles.image = self._input(folder)
        self.path = self.outfiles.copy = folder / f"out.{self.ending}"
        controls = self.controls = ApplierControls()
        controls.setStatsIgnore(None)
        controls.setOutputDriverName(driver)
        if options is not None:
            controls.setCreationOptions(options)
        controls.setWindowSize(*self.window)
        controls.setOverlap(chance.choice([0, 0, 3]))
        controls.setConcurrencyStyle(STYLES[chance.choice(list(STYLES))])
        self.told = f"seed {seed}: {driver} {options} {self.pixels.shape} {dtype} {self.window}"

    def _input(self, folder: Path) -> Path:
        if self.pixels.dtype != "uint8" or self.chance.random() < 0.5:
            return write_raster(folder / "in.tif", self.pixels, tiled=True, blockxsize=64,
                                blockysize=64, compress="lzw")  # fmt: skip
        # this driver flushes by itself
        write_raster(folder / "as.tif", self.pixels)
        exact = {"QUALITY": "100", "REVERSIBLE": "YES", "BLOCKXSIZE": "64", "BLOCKYSIZE": "64"}
        path = folder / "in.jp2"
        rasterio.shutil.copy(folder / "as.tif", path, driver="JP2OpenJPEG", **exact)
        return path

    def run(self) -> None:
        with flushing(), rasterio.Env(GDAL_CACHEMAX=self.chance.choice(CACHES)):
            if self.chance.random() < 0.5:
                engine.apply(self._copy, self.infiles, self.outfiles, controls=self.controls)
            else:
                self._run_in_any_order()

    def _copy(self, info: Any, inputs: Any, outputs: Any) -> None:
        outputs.copy = inputs.image
        time.sleep(self.chance.random() / 1000)

    def _run_in_any_order(self) -> None:
        job = engine.prepare(self._copy, self.infiles, self.outfiles, controls=self.controls)
        outputs = OutputSet(job.plan.output_plan)
        margin = job.plan.options.overlap
        around = np.pad(self.pixels, ((0, 0), (margin, margin), (margin, margin)))
        windows = list(job.plan.blocks)
        self.chance.shuffle(windows)
        try:
            for block in windows:
                arrays = BlockAssociations(self.outfiles)
                rows = slice(block.top, block.top + block.nrows + 2 * margin)
                cols = slice(block.left, block.left + block.ncols + 2 * margin)
                arrays.copy = around[:, rows, cols]
                outputs.write(block, arrays)
            outputs.close(Timers())
            outputs.publish()
        finally:
            outputs.release()

    def result(self) -> Array:
        return read_raster(self.path)


def check(folder: Path, seeds: range, patch: pytest.MonkeyPatch) -> None:
    for seed in seeds:
        here = folder / str(seed)
        here.mkdir()
        copy = Copy(here, seed)
        in_memory = copy.chance.choice([0, 100_000, 128 << 20])
        patch.setattr(outputfile, "WholeBlocks", partial(WholeBlocks, memory_limit=in_memory))
        copy.run()
        np.testing.assert_array_equal(copy.result(), copy.pixels, copy.told)


SEED = 0 if os.environ.get("CI") else random.randrange(10**6)


def test_no_pixel_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(tmp_path, range(SEED, SEED + 100), monkeypatch)


@pytest.mark.slow
def test_no_pixel_of_many_jobs_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # where parts are written at once, one job of forty shows it
    check(tmp_path, range(SEED + 100, SEED + 300), monkeypatch)
