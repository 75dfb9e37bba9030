"""Files by GDAL's names for them, without keeping Python's lock while a store is waited for."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

from rasterio.env import ensure_env_with_credentials

from rios_flows.gdal.private import GDAL, gdal_path

_READ_RASTER = 2

_ingest = GDAL.VSIIngestFile
_ingest.argtypes = [
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.c_int64,
]
_free = GDAL.VSIFree
_free.argtypes = [ctypes.c_void_p]

_open = GDAL.GDALOpenEx
_open.restype, _open.argtypes = (
    ctypes.c_void_p,
    [ctypes.c_char_p, ctypes.c_uint, *[ctypes.c_void_p] * 3],
)
_list_of = GDAL.GDALGetFileList
_list_of.restype, _list_of.argtypes = ctypes.POINTER(ctypes.c_char_p), [ctypes.c_void_p]
_count = GDAL.GDALGetRasterCount
_count.argtypes = [ctypes.c_void_p]
_close = GDAL.GDALClose
_close.argtypes = [ctypes.c_void_p]
_free_list = GDAL.CSLDestroy
_free_list.argtypes = [ctypes.c_void_p]

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
    dataset = _open(gdal_path(path).encode(), _READ_RASTER, None, None, None)
    if not dataset:
        raise OSError(f"'{path}' cannot be opened")
    try:
        names = _list_of(dataset)
        files: list[str] = []
        while names and (name := names[len(files)]) is not None:
            files.append(name.decode(errors="surrogateescape"))
        _free_list(names)
        return Found(_count(dataset), files)
    finally:
        _close(dataset)


def contents_of(name: str) -> bytes:
    """Return what is in a small file, by GDAL's name of it; raise OSError if it cannot be read."""
    found, size = ctypes.c_void_p(), ctypes.c_uint64()
    if not _ingest(None, name.encode(), ctypes.byref(found), ctypes.byref(size), _LONGEST):
        raise OSError(f"'{name}' cannot be read")
    try:
        return ctypes.string_at(found.value or 0, size.value)
    finally:
        _free(found)
