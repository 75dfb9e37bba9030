"""A raster of known pixels, and the user function at one of its blocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.held import resolved
from rios_flows.inputs.reading import DatasetPool, read_input
from rios_flows.jobs.plan import Plan, build_plan
from rios_flows.runs.blockinfo import ReaderInfo
from rios_flows.structures import BlockAssociations, FilenameAssociations


def write(path: Path, dtype: str = "int16", bands: int = 1, nodata: float | None = None) -> Path:
    pixels = np.arange(bands * 17 * 23).reshape(bands, 17, 23).astype(dtype)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=23,
        height=17,
        count=bands,
        dtype=dtype,
        nodata=nodata,
        crs="EPSG:32633",
        transform=from_origin(500000, 7000000, 20, 30),
    ) as dataset:
        dataset.write(pixels)
    return path


FIRST, MIDDLE, LAST = (0, 0), (1, 1), (2, 2)

Setup = Callable[[FilenameAssociations, ApplierControls], None]


class Scene:
    """A plan over one raster or more, and ``info`` and arrays of any of its blocks."""

    def __init__(self, folder: Path, setup: Setup | None = None, overlap: int = 2) -> None:
        infiles, controls = FilenameAssociations(), ApplierControls()
        controls.setWindowSize(10, 6)
        controls.setOverlap(overlap)
        if setup is None:
            infiles.image = write(folder / "image.tif")
        else:
            setup(infiles, controls)
        outfiles = FilenameAssociations()
        self.plan: Plan = build_plan(infiles, outfiles, resolved(controls, infiles, outfiles)[0])

    def at(self, row: int, col: int) -> tuple[ReaderInfo, BlockAssociations]:
        block = self.plan.blocks[row * 3 + col]
        inputs = BlockAssociations(self.plan.infiles)
        with DatasetPool(10) as pool:
            for item in self.plan.inputs:
                inputs[item.source.key] = read_input(pool, self.plan.blocks, item, block)
        return ReaderInfo(self.plan, block, inputs), inputs
