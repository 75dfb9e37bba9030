"""Jobs that are all about their inputs: rasters on any grid, and one output to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin
from rasterio.warp import transform

from rios_flows import engine
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import ApplierReturn, FilenameAssociations
from tests.support.rasters import Array, read_raster
from tests.support.styles import STYLES

UTM = "EPSG:32618"
MERCATOR = "EPSG:3857"


class Grid(NamedTuple):
    """Where a raster lies."""

    xmin: float
    ymax: float
    res: float
    rows: int
    cols: int
    crs: str | None = UTM

    def raster(self, path: Path, pixels: Array, **profile: Any) -> Path:
        """Write pixels (bands, rows, cols) onto this grid."""
        assert pixels.shape[1:] == (self.rows, self.cols)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=self.cols,
            height=self.rows,
            count=len(pixels),
            dtype=pixels.dtype,
            crs=self.crs,
            transform=from_origin(self.xmin, self.ymax, self.res, self.res),
            **profile,
        ) as file:
            file.write(pixels)
        return path

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y of the middle of every pixel (CRS units)."""
        x = self.xmin + (np.arange(self.cols) + 0.5) * self.res
        y = self.ymax - (np.arange(self.rows) + 0.5) * self.res
        xs, ys = np.meshgrid(x, y)
        return xs, ys

    def positions_of(self, other: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return row and column in this grid of the middle of every pixel of another (pixels)."""
        x, y = other.centres()
        if self.crs != other.crs:
            xs, ys = transform(other.crs, self.crs, x.ravel(), y.ravel())
            x, y = np.reshape(xs, x.shape), np.reshape(ys, y.shape)
        return (self.ymax - y) / self.res, (x - self.xmin) / self.res


def texture(grid: Grid, bands: int = 1, dtype: str = "uint16", seed: int = 7) -> Array:
    """Return pixels that change much from one to the next; none is 0."""
    top = min(int(np.iinfo(dtype).max), 60000) if np.dtype(dtype).kind in "iu" else 60000
    pixels = np.random.default_rng(seed).integers(1, top, (bands, grid.rows, grid.cols))
    return pixels.astype(dtype)


def nearest(grid: Grid, pixels: Array, target: Grid, nodata: int = 0) -> tuple[Array, Array]:
    """Return what nearest neighbour gives on another grid, and where there is no doubt of it."""
    row, col = grid.positions_of(target)
    inside = (row >= 0) & (row < grid.rows) & (col >= 0) & (col < grid.cols)
    found = np.full((len(pixels), target.rows, target.cols), nodata, pixels.dtype)
    found[:, inside] = pixels[:, row[inside].astype(int), col[inside].astype(int)]
    from_tie = np.minimum(abs(row - np.round(row)), abs(col - np.round(col)))
    return found, from_tie > 0.01


def controls_of(style: str = "none", window: int = 64, overlap: int = 0) -> ApplierControls:
    """Return controls for a job that leaves pixels alone."""
    controls = ApplierControls()
    controls.setWindowSize(window, window)
    controls.setOverlap(overlap)
    controls.setConcurrencyStyle(STYLES[style])
    controls.setBlockRetries(delay=0)
    controls.setOmitPyramids(True)
    return controls


def copy_image(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image


def run(
    folder: Path,
    controls: ApplierControls,
    function: Callable[..., None] = copy_image,
    **inputs: Any,
) -> tuple[Array, ApplierReturn]:
    """Run a job, and return the pixels of its output."""
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    for name, entry in inputs.items():
        setattr(infiles, name, entry)
    outfiles.result = folder / "result.tif"
    rtn = engine.apply(function, infiles, outfiles, controls=controls)
    return read_raster(folder / "result.tif"), rtn
