"""Nodata values of raster files that exist already."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rios_flows import rioserrors
from rios_flows.files.changing import changing
from rios_flows.files.nodatavalues import nodata_values, set_nodata
from rios_flows.files.opening import Raster, is_name, open_raster
from rios_flows.gdal.private import IO_ERRORS
from rios_flows.reducers.nodata import Number, can_hold, needs_digits, nodata_of, same_value

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


def set_null_value(ds: Raster, nodata: Number) -> None:
    """Give a raster a nodata value; see :func:`rios_flows.files.statistics.setNullValue`."""
    with changing(ds) as dataset:
        for dtype in set(dataset.dtypes):
            if not can_hold(dtype, nodata):
                raise rioserrors.ParameterError(
                    f"'{dataset.name}' is {dtype}, which cannot have the nodata value {nodata}; "
                    "give another one"
                )
        long = any(needs_digits(dtype, nodata) for dtype in set(dataset.dtypes))
        if long and not is_name(ds):
            raise _not_kept(dataset, nodata, "close the file, and give it by its name")
        if not long:
            try:
                dataset.nodata = nodata
            except (*IO_ERRORS, ValueError) as error:
                raise _not_kept(dataset, nodata, str(error)) from error
    if long:
        _set_long(os.fspath(ds), int(nodata))
    _check_kept(ds, nodata)


def _check_kept(ds: Raster, nodata: Number) -> None:
    with open_raster(ds, "r") as dataset:
        for dtype, kept in zip(dataset.dtypes, nodata_values(dataset), strict=True):
            if not same_value(nodata_of(dtype, nodata), nodata_of(dtype, kept)):
                raise _not_kept(dataset, nodata, f"it has {kept} afterwards")


def _set_long(path: str, nodata: int) -> None:
    """Set a nodata value with more digits than rasterio writes."""
    with open_raster(path, "r") as dataset:
        dtype = dataset.dtypes[0]
        if set(dataset.dtypes) != {dtype}:
            raise _not_kept(dataset, nodata, "its bands differ in type")
    try:
        set_nodata(path, dtype, nodata)
    except OSError as error:
        raise rioserrors.ImageWriteError(f"Unable to change '{path}': {error}") from error


def _not_kept(dataset: DatasetReader, nodata: Number, reason: str) -> rioserrors.ImageWriteError:
    return rioserrors.ImageWriteError(
        f"'{dataset.name}' ({dataset.driver}) does not keep the nodata value {nodata}: {reason}"
    )
