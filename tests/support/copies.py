"""A job that copies an array into an output, and what the output then says of itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from rios_flows import engine
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import ApplierReturn, ConcurrencyStyle, FilenameAssociations
from tests.support.rasters import Array, write_raster


class Copy:
    """A job whose output has just the pixels of an array, written block by block."""

    def __init__(self, folder: Path, pixels: Array, name: str = "out.tif") -> None:
        self.pixels = pixels
        self.path = folder / name
        self.infiles, self.outfiles = FilenameAssociations(), FilenameAssociations()
        # a float16 or complex input is no matter here: only the grid is taken from it
        rows, cols = pixels.shape[1:]
        grid = folder / f"grid-{rows}-{cols}.tif"
        self.infiles.grid = write_raster(grid, np.zeros((1, rows, cols), "uint8"))
        self.outfiles.result = self.path
        self.controls = ApplierControls()
        self.controls.setWindowSize(64, 64)

    def function(self, info: Any, inputs: Any, outputs: Any) -> None:
        block_x, block_y = info.getBlockCount()
        width, height = info.getWindowSize()
        cols, rows = info.getBlockSize()
        top, left = block_y * height, block_x * width
        outputs.result = self.pixels[:, top : top + rows, left : left + cols]

    def run(
        self, style: ConcurrencyStyle | None = None, function: Callable[..., Any] | None = None
    ) -> ApplierReturn:
        if style is not None:
            self.controls.setConcurrencyStyle(style)
        return engine.apply(
            function or self.function, self.infiles, self.outfiles, controls=self.controls
        )

    def tags(self, band: int = 1) -> dict[str, str]:
        with rasterio.open(self.path) as dataset:
            return dict(dataset.tags(band))

    def overviews(self) -> list[Array]:
        with rasterio.open(self.path) as dataset:
            levels = dataset.overviews(1)
        found = []
        for index in range(len(levels)):
            with rasterio.open(self.path, OVERVIEW_LEVEL=index) as dataset:
                found.append(dataset.read())
        return found

    def everything(self) -> tuple[list[dict[str, str]], list[bytes]]:
        """Return the tags of all bands and the pixels of all overviews."""
        bands = range(1, self.pixels.shape[0] + 1)
        return [self.tags(band) for band in bands], [item.tobytes() for item in self.overviews()]
