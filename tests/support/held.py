"""Images that are no files, all with the same pixels: arrays, DataArrays, open datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rioxarray
import xarray as xr
import zarr
from odc.geo.geobox import GeoBox
from odc.geo.xr import wrap_xr
from rasterio.io import MemoryFile
from rasterio.transform import Affine, from_origin
from rasterio.vrt import WarpedVRT

import rios_flows as rf
from tests.support.inputs import UTM, Grid
from tests.support.rasters import Array

GRID = Grid(300000.1, 6000000.7, 30, rows=61, cols=83)
NAMES = ["blue", "green", "red"]
#: Another grid, which needs a warp.
OTHER = Grid(300345.6, 5999700.1, 41.3, rows=35, cols=30)


def transform_of(grid: Grid) -> Affine:
    return from_origin(grid.xmin, grid.ymax, grid.res, grid.res)


def raster(path: Path, pixels: Array) -> Any:
    return rf.Raster(pixels, transform_of(GRID), UTM, nodata=0, names=NAMES)


def upside_down(path: Path, pixels: Array) -> Any:
    turned = transform_of(GRID) @ Affine.translation(GRID.cols, GRID.rows) @ Affine.scale(-1, -1)
    return rf.Raster(pixels[:, ::-1, ::-1], turned, UTM, nodata=0, names=NAMES)


def masked_array(path: Path, pixels: Array) -> Any:
    array = np.ma.MaskedArray(np.where(pixels == 0, 77, pixels), mask=pixels == 0)
    return rf.Raster(array, transform_of(GRID), UTM, names=NAMES)


def zarr_array(path: Path, pixels: Array) -> Any:
    store = zarr.create_array({}, data=pixels, chunks=(1, 20, 30))
    return rf.Raster(store, transform_of(GRID), UTM, nodata=0, names=NAMES)


def memory_map(path: Path, pixels: Array) -> Any:
    np.save(path.with_suffix(".npy"), pixels)
    array = np.load(path.with_suffix(".npy"), mmap_mode="r")
    return rf.Raster(array, transform_of(GRID), rasterio.CRS.from_user_input(UTM), 0, NAMES)


def rioxarray_array(path: Path, pixels: Array) -> Any:
    return xr.open_dataarray(path, engine="rasterio")


def rioxarray_masked(path: Path, pixels: Array) -> Any:
    return rioxarray.open_rasterio(path, masked=True)


def rioxarray_dask(path: Path, pixels: Array) -> Any:
    return rioxarray.open_rasterio(path, chunks={"band": 3, "y": 25, "x": 32})


def odc_array(path: Path, pixels: Array) -> Any:
    box = GeoBox((GRID.rows, GRID.cols), transform_of(GRID), UTM)
    array = wrap_xr(pixels, box, nodata=0, axis=1)
    return array.rename({array.dims[0]: "band"}).assign_coords(band=NAMES)


def plain_coordinates(path: Path, pixels: Array) -> Any:
    xs, ys = GRID.centres()
    return xr.DataArray(
        # columns first, rows upwards
        pixels.transpose(2, 1, 0)[:, ::-1],
        dims=("x", "y", "variable"),
        coords={"x": xs[0], "y": ys[::-1, 0], "variable": NAMES},
        attrs={"crs": UTM, "_FillValue": 0},
    )


def open_dataset(path: Path, pixels: Array) -> Any:
    return rasterio.open(path)


def changeable_dataset(path: Path, pixels: Array) -> Any:
    return rasterio.open(path, "r+")


def in_memory(path: Path, pixels: Array) -> Any:
    # rasterio's dataset does not keep the bytes alive
    KEPT.append(MemoryFile(path.read_bytes()))
    return KEPT[-1].open()


def warped(path: Path, pixels: Array) -> Any:
    return WarpedVRT(rasterio.open(path), crs=UTM, transform=transform_of(GRID), width=GRID.cols,
                     height=GRID.rows)  # fmt: skip


KEPT: list[MemoryFile] = []


KINDS = [
    *(
        raster,
        upside_down,
        masked_array,
        zarr_array,
        memory_map,
        rioxarray_array,
        rioxarray_masked,
        rioxarray_dask,
    ),
    *(odc_array, plain_coordinates, open_dataset, changeable_dataset, in_memory, warped),
]


def as_it_is(image: Any) -> Any:
    return image
