"""Reading files by GDAL's names, without holding Python's lock while waiting for a store."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rasterio.env import ensure_env_with_credentials

from rios_flows.gdal.private import GDAL, gdal_path

_RASTER, _UPDATE = 2, 1

_HANDLE, _NAME, _TO = ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER
GDAL.VSIIngestFile.argtypes = [
    *(_HANDLE, _NAME, _TO(_HANDLE), _TO(ctypes.c_uint64), ctypes.c_int64)
]
GDAL.GDALOpenEx.argtypes = [_NAME, ctypes.c_uint, _HANDLE, _HANDLE, _HANDLE]
GDAL.GDALOpenEx.restype = _HANDLE
GDAL.GDALGetFileList.restype = _TO(_NAME)
for _function in ("VSIFree", "GDALGetFileList", "GDALGetRasterCount", "GDALClose", "CSLDestroy"):
    getattr(GDAL, _function).argtypes = [_HANDLE]

#: The longest description of an array that is looked at (bytes).
_LONGEST = 2**20


class Found(NamedTuple):
    """A raster: how many bands it has, and GDAL's names of its files."""

    bands: int
    files: list[str]


def files_of(path: str) -> Found:
    """Look at a raster; raise OSError if it cannot be opened."""
    found: Found = ensure_env_with_credentials(_looked_at)(path)
    return found


def _looked_at(path: str) -> Found:
    with opened(path) as dataset:
        names = GDAL.GDALGetFileList(dataset)
        files: list[str] = []
        while names and (name := names[len(files)]) is not None:
            files.append(name.decode(errors="surrogateescape"))
        GDAL.CSLDestroy(names)
        return Found(GDAL.GDALGetRasterCount(dataset), files)


@contextmanager
def opened(path: str, *, update: bool = False) -> Iterator[int]:
    """Give GDAL's handle of a raster; raise OSError if it cannot be opened."""
    name, flags = gdal_path(path).encode(), _RASTER | _UPDATE if update else _RASTER
    # its argument tells which credentials the file needs
    handle = ensure_env_with_credentials(
        lambda _: GDAL.GDALOpenEx(name, flags, None, None, None),
    )(path)
    if not handle:
        raise OSError(f"GDAL cannot open '{path}'")
    try:
        yield handle
    finally:
        GDAL.GDALClose(handle)


def contents_of(name: str) -> bytes:
    """Return what is in a small file, by GDAL's name of it; raise OSError if it cannot be read."""
    found, size = ctypes.c_void_p(), ctypes.c_uint64()
    if not GDAL.VSIIngestFile(
        None, name.encode(), ctypes.byref(found), ctypes.byref(size), _LONGEST
    ):
        raise OSError(f"'{name}' cannot be read")
    try:
        return ctypes.string_at(found.value or 0, size.value)
    finally:
        GDAL.VSIFree(found)
