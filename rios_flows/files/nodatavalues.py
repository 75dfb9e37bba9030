"""Exact nodata values: rasterio has those of 64-bit integers as floats."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rasterio.env import ensure_env_with_credentials

from rios_flows.gdal.closing import failures_raised
from rios_flows.gdal.private import GDAL, gdal_path
from rios_flows.reducers.nodata import WIDE, Number, needs_digits

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_RASTER, _UPDATE = 0x02, 0x01

_HANDLE, _FLAG = ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)

GDAL.GDALOpenEx.restype = _HANDLE
GDAL.GDALOpenEx.argtypes = [ctypes.c_char_p, ctypes.c_uint, _HANDLE, _HANDLE, _HANDLE]
GDAL.GDALClose.argtypes = [_HANDLE]
GDAL.GDALGetRasterCount.argtypes = [_HANDLE]
GDAL.GDALGetRasterBand.restype = _HANDLE
GDAL.GDALGetRasterBand.argtypes = [_HANDLE, ctypes.c_int]
GDAL.GDALGetOverviewCount.argtypes = [_HANDLE]
GDAL.GDALGetOverview.restype = _HANDLE
GDAL.GDALGetOverview.argtypes = [_HANDLE, ctypes.c_int]
for _get, _set, _type in (
    (GDAL.GDALGetRasterNoDataValueAsInt64, GDAL.GDALSetRasterNoDataValueAsInt64, ctypes.c_int64),
    (GDAL.GDALGetRasterNoDataValueAsUInt64, GDAL.GDALSetRasterNoDataValueAsUInt64, ctypes.c_uint64),
):
    _get.restype, _get.argtypes = _type, [_HANDLE, _FLAG]
    _set.argtypes = [_HANDLE, _type]


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
        with _opened(dataset.name, _RASTER) as handle:
            for number in doubtful:
                band = GDAL.GDALGetRasterBand(handle, number + 1)
                values[number] = _value(band, dtypes[number])
    return tuple(values)


def set_nodata(path: str, dtype: str, nodata: int) -> None:
    """Give a closed file of 64-bit integers, with overviews, a nodata value, or raise OSError."""
    set_value = getattr(GDAL, f"GDALSetRasterNoDataValueAs{_NAMES[dtype]}")
    with failures_raised(), _opened(path, _RASTER | _UPDATE) as handle:
        for number in range(1, GDAL.GDALGetRasterCount(handle) + 1):
            band = GDAL.GDALGetRasterBand(handle, number)
            set_value(band, nodata)
            for level in range(GDAL.GDALGetOverviewCount(band)):
                set_value(GDAL.GDALGetOverview(band, level), nodata)


_NAMES = {"int64": "Int64", "uint64": "UInt64"}


def _value(band: int, dtype: str) -> int | None:
    known = ctypes.c_int()
    get_value = getattr(GDAL, f"GDALGetRasterNoDataValueAs{_NAMES[dtype]}")
    value: int = get_value(band, ctypes.byref(known))
    return value if known.value else None


@contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    name = gdal_path(path)

    def opened(_: str) -> Any:
        return GDAL.GDALOpenEx(name.encode(), flags, None, None, None)

    handle = ensure_env_with_credentials(opened)(path)
    if not handle:
        raise OSError(f"GDAL cannot open '{path}' once more")
    try:
        yield handle
    finally:
        GDAL.GDALClose(handle)
