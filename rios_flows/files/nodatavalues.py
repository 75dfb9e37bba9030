"""Exact nodata values of files: rasterio has those of 64-bit integers as floats."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

from rios_flows import rioserrors
from rios_flows.files.opening import Raster, changing, is_name, open_raster
from rios_flows.gdal.closing import failures_raised
from rios_flows.gdal.private import GDAL, IO_ERRORS
from rios_flows.gdal.vsi import opened
from rios_flows.reducers.nodata import (
    WIDE,
    Number,
    can_hold,
    needs_digits,
    nodata_of,
    same_value,
)

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_HANDLE, _FLAG = ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)

GDAL.GDALGetOverviewCount.argtypes = [_HANDLE]
for _function in (GDAL.GDALGetRasterBand, GDAL.GDALGetOverview):
    _function.restype, _function.argtypes = _HANDLE, [_HANDLE, ctypes.c_int]

_GET = {
    "int64": GDAL.GDALGetRasterNoDataValueAsInt64,
    "uint64": GDAL.GDALGetRasterNoDataValueAsUInt64,
}
_SET = {
    "int64": GDAL.GDALSetRasterNoDataValueAsInt64,
    "uint64": GDAL.GDALSetRasterNoDataValueAsUInt64,
}
for _dtype, _type in (("int64", ctypes.c_int64), ("uint64", ctypes.c_uint64)):
    _GET[_dtype].restype, _GET[_dtype].argtypes = _type, [_HANDLE, _FLAG]
    _SET[_dtype].argtypes = [_HANDLE, _type]


def nodata_values(dataset: DatasetReader) -> tuple[Number | None, ...]:
    """Return each band's nodata value; open the file again if rasterio has a float."""
    values: list[Number | None] = list(dataset.nodatavals)
    # None may mean a value that is not a float
    doubtful = [
        number
        for number, (dtype, value) in enumerate(zip(dataset.dtypes, values, strict=True))
        if dtype in WIDE and (value is None or needs_digits(dtype, value))
    ]
    if doubtful:
        dtypes = dataset.dtypes
        with opened(dataset.name) as handle:
            for number in doubtful:
                known = ctypes.c_int()
                band = GDAL.GDALGetRasterBand(handle, number + 1)
                value = _GET[dtypes[number]](band, ctypes.byref(known))
                values[number] = value if known.value else None
    return tuple(values)


def set_nodata(path: str, dtype: str, nodata: int) -> None:
    """Set the nodata value of a closed file of 64-bit integers and its overviews, or raise."""
    set_value = _SET[dtype]
    with failures_raised(), opened(path, update=True) as handle:
        for number in range(1, GDAL.GDALGetRasterCount(handle) + 1):
            band = GDAL.GDALGetRasterBand(handle, number)
            set_value(band, nodata)
            for level in range(GDAL.GDALGetOverviewCount(band)):
                set_value(GDAL.GDALGetOverview(band, level), nodata)


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
