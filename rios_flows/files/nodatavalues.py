"""Exact nodata values: rasterio has those of 64-bit integers as floats."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from rios_flows.gdal.closing import failures_raised
from rios_flows.gdal.private import GDAL
from rios_flows.gdal.vsi import opened
from rios_flows.reducers.nodata import WIDE, Number, needs_digits

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
    """Give a closed file of 64-bit integers, with overviews, a nodata value, or raise OSError."""
    set_value = _SET[dtype]
    with failures_raised(), opened(path, update=True) as handle:
        for number in range(1, GDAL.GDALGetRasterCount(handle) + 1):
            band = GDAL.GDALGetRasterBand(handle, number)
            set_value(band, nodata)
            for level in range(GDAL.GDALGetOverviewCount(band)):
                set_value(GDAL.GDALGetOverview(band, level), nodata)
