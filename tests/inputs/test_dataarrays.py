"""DataArrays and Datasets of xarray as inputs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr

import rios_flows as rf
from rios_flows import rioserrors
from rios_flows.inputs.dataarrays import raster_of
from rios_flows.inputs.raster import Raster
from tests.support.held import GRID, NAMES, as_it_is, plain_coordinates, transform_of
from tests.support.rasters import Array, read_raster


def test_a_dataset_of_xarray_has_inputs_by_name(tmp_path: Path, pixels: Array) -> None:
    array = plain_coordinates(tmp_path, pixels)
    dataset = xr.Dataset({name: array.sel(variable=name, drop=True) for name in NAMES})
    rf.apply(lambda red, green: red - green, dataset[["red", "green"]], tmp_path / "out.tif")
    there = (pixels[1] != 0) & (pixels[2] != 0)
    expected = np.where(there, pixels[2].astype(float) - pixels[1], np.nan)
    np.testing.assert_array_equal(read_raster(tmp_path / "out.tif")[0], expected)
    with pytest.raises(rioserrors.ParameterError, match=r"'blue', 'green', 'red'; choose one"):
        rf.apply(as_it_is, {"image": dataset}, tmp_path / "out.tif")


@pytest.mark.parametrize("what", ["turned", "uneven", "nowhere", "dims", "four", "stale"])
def test_dataarrays_with_an_odd_place(what: str, pixels: Array, tmp_path: Path) -> None:
    array = plain_coordinates(tmp_path, pixels).isel(variable=0)
    words = {
        "turned": "is turned", "uneven": "without even steps", "nowhere": "is not known",
        "dims": "rename them", "four": "choose of all but one",
    }  # fmt: skip
    if what == "turned":
        array.coords["spatial_ref"] = 0
        array.coords["spatial_ref"].attrs["GeoTransform"] = "0 1 .2 0 0 -1"
    elif what == "uneven":
        array = array.assign_coords(x=array.x.to_numpy() ** 2)
    elif what == "nowhere":
        array = array.drop_vars(["x", "y"])
    elif what == "dims":
        array = array.rename(x="width")
    elif what == "four":
        array = array.expand_dims(time=2, run=2)
    else:
        # the transform that was stored is that of the whole
        array = array.rio.write_transform(transform_of(GRID)).isel(x=slice(10, None))
        rf.apply(as_it_is, array, tmp_path / "out.tif")
        with rasterio.open(tmp_path / "out.tif") as dataset:
            assert dataset.transform.c == pytest.approx(GRID.xmin + 10 * GRID.res)
        return
    with pytest.raises(rioserrors.ParameterError, match=f"input 'image': DataArray.*{words[what]}"):
        rf.apply(as_it_is, array, tmp_path / "out.tif")


def test_a_single_row_lies_where_its_transform_says(pixels: Array, tmp_path: Path) -> None:
    array = plain_coordinates(tmp_path, pixels).isel(y=slice(4, 5), variable=0)
    with pytest.raises(rioserrors.ParameterError, match="one pixel along 'y'"):
        raster_of(array)
    found = raster_of(array.rio.write_transform(transform_of(GRID)))
    assert isinstance(found, Raster)
    assert found.transform.f == pytest.approx(GRID.ymax - GRID.res * (GRID.rows - 5))


def test_floats_without_a_nodata_value_have_nan(tmp_path: Path, pixels: Array) -> None:
    array = plain_coordinates(tmp_path, pixels).isel(variable=0).astype("float32")
    array.attrs.pop("_FillValue")
    array[3, 4] = math.nan
    masked: list[Any] = []
    rf.apply(lambda image: masked.append(image.mask), array)
    assert sum(map(np.sum, masked)) == 1
