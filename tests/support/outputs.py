"""One output of a small job, and what a file tells of itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import rasterio

from rios_flows.controls.controls import ApplierControls
from tests.support.jobs import SmallJob, double
from tests.support.rasters import coordinates, write_raster


class About(NamedTuple):
    """What a file tells of itself; ``tile`` is rows and columns."""

    driver: str
    tile: tuple[int, int]
    nodata: float | None


class Output:
    """One output of a run over 200 x 300 pixels."""

    def __init__(self, folder: Path, name: str = "new.tif") -> None:
        self.job = SmallJob(folder)
        self.job.infiles.image = write_raster(folder / "big.tif", coordinates(1, 200, 300, "int32"))
        self.path = folder / name
        self.job.outfiles.result = self.path
        self.job.controls = ApplierControls()

    @property
    def controls(self) -> ApplierControls:
        return self.job.controls

    def run(self, function: Callable[..., None] = double) -> None:
        self.job.run(function)

    def about(self) -> About:
        with rasterio.open(self.path) as dataset:
            return About(dataset.driver, dataset.block_shapes[0], dataset.nodata)

    def structure(self) -> dict[str, str]:
        with rasterio.open(self.path) as dataset:
            return dict(dataset.tags(ns="IMAGE_STRUCTURE"))
